package dev.outboard.host.run;

import dev.outboard.dma.MemoryReport;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.iommu.IoPage;
import java.util.LinkedHashMap;
import java.util.Map;

/** Physical memory as machines are told of it. Stateless; any thread. */
final class MemoryFields {
    private MemoryFields() {}

    static long frames(long bytes) {
        return bytes >>> IoPage.SHIFT;
    }

    /** What there is at this moment, or near it: the parts are asked one after the other. */
    static Map<String, Object> of(PhysicalMemory memory) {
        var report = memory.report();
        var fields = new LinkedHashMap<String, Object>();
        fields.put("frames", report.presentFrames());
        fields.put("allocatedFrames", report.allocatedFrames());
        fields.put("freeFrames", report.freeFrames());
        fields.put("mappedFrames", report.mappedFrames());
        fields.put("heldFrames", frames(memory.heldBytes()));
        fields.put("segments", report.segments().stream().map(MemoryFields::of).toList());
        fields.put("services", report.services().stream().map(MemoryFields::of).toList());
        return fields;
    }

    private static Map<String, Object> of(MemoryReport.Segment segment) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("address", address(segment.physicalAddress()));
        fields.put("lengthBytes", segment.lengthBytes());
        fields.put("pages", Words.of(segment.pages()));
        fields.put("hugeBytes", segment.hugeBytes());
        fields.put("presentBytes", segment.presentFrames() << IoPage.SHIFT);
        fields.put("freeBytes", segment.freeFrames() << IoPage.SHIFT);
        fields.put("allocatedBytes", segment.allocatedFrames() << IoPage.SHIFT);
        fields.put("mappedBytes", segment.mappedFrames() << IoPage.SHIFT);
        fields.put("pieces", segment.pieces());
        fields.put("freeRuns", segment.freeRuns());
        fields.put("longestRunBytes", segment.longestRunFrames() << IoPage.SHIFT);
        fields.put("superpageShare", segment.superpageShare());
        return fields;
    }

    private static Map<String, Object> of(MemoryReport.Service service) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("name", service.name());
        fields.put("strategy", Words.of(service.strategy()));
        fields.put("mappings", service.mappings());
        fields.put("pages", service.pages());
        return fields;
    }

    /** A physical address, as everybody writes it. */
    static String address(long physicalAddress) {
        return "0x" + Long.toHexString(physicalAddress);
    }
}
