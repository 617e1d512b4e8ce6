package dev.outboard.perf.demo;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One line of a report. The names of its fields are those of every report of this project.
 *
 * @param test {@code stream}, {@code disk write} or {@code disk read}
 * @param sizeBytes of a message or a request
 * @param setting how DMA was protected
 * @param throughputMbps millions of bits a second that arrived
 * @param operationsPerSecond messages or requests a second
 * @param driverCpuPercent processor time of all driver processes, in percent of one processor
 * @param deviceCpuPercent the same of the device process
 * @param iotlbHitRate hits in all translations, or null without an IOMMU
 * @param faults accesses refused
 * @param windowEntries the most stale entries that were usable at once, or null without an IOMMU
 * @param windowNanos the longest time that one was usable, or null without an IOMMU
 * @param verified whether every byte was compared and right
 * @param details what else was counted
 */
record Row(
        String test,
        long sizeBytes,
        IommuSetting setting,
        double throughputMbps,
        double operationsPerSecond,
        double driverCpuPercent,
        double deviceCpuPercent,
        Double iotlbHitRate,
        long faults,
        Long windowEntries,
        Long windowNanos,
        boolean verified,
        Map<String, Object> details) {
    /** The row as the report has it. */
    Map<String, Object> fields() {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("test", test);
        fields.put("sizeBytes", sizeBytes);
        fields.put("iommu", setting.iommu());
        fields.put("strategy", setting.strategy());
        fields.put("owner", setting.owner());
        fields.put("throughputMbps", throughputMbps);
        fields.put("operationsPerSecond", operationsPerSecond);
        fields.put("driverCpuPercent", driverCpuPercent);
        fields.put("deviceCpuPercent", deviceCpuPercent);
        fields.put("iotlbHitRate", iotlbHitRate);
        fields.put("faults", faults);
        fields.put("windowEntries", windowEntries);
        fields.put("windowNanos", windowNanos);
        fields.put("verified", verified);
        fields.putAll(details);
        return fields;
    }
}
