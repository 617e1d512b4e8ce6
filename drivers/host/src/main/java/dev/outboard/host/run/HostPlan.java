package dev.outboard.host.run;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.Strategy;
import dev.outboard.driver.Client;
import dev.outboard.driver.Driver;
import dev.outboard.host.bus.DeviceAddress;
import dev.outboard.uio.WaitPolicy;
import java.nio.file.Path;
import java.util.Map;

/**
 * What a host was asked to do, checked.
 *
 * @param driver what drives
 * @param device what is driven
 * @param strategy how DMA is protected
 * @param iommuSocket where the device attaches to the IOMMU; null with {@link Strategy#OFF}
 * @param domain the I/O address space
 * @param memoryBytes physical memory for the driver
 * @param queueEntries the most entries of a queue
 * @param waiting how interrupts wait
 * @param client what uses the driver, or null
 * @param clientOptions what the client is told
 */
record HostPlan(
        Driver driver,
        DeviceAddress device,
        Strategy strategy,
        Path iommuSocket,
        DomainOptions domain,
        long memoryBytes,
        int queueEntries,
        WaitPolicy waiting,
        Client client,
        Map<String, String> clientOptions) {
    /** How DMA is protected, for people. */
    String protection() {
        if (strategy == Strategy.OFF) {
            return "strategy off: no IOMMU, the device reaches all "
                    + (memoryBytes >> 20)
                    + " MiB of the driver's memory";
        }
        var iotlb = domain.iotlb();
        return "strategy %s: %s table of %d entries, IOTLB %dx%d:%s"
                .formatted(
                        Words.of(strategy),
                        domain.format().title(),
                        domain.tableEntries(),
                        iotlb.sets(),
                        iotlb.ways(),
                        Words.of(iotlb.replacement()));
    }
}
