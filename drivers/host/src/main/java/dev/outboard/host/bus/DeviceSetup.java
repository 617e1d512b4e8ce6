package dev.outboard.host.bus;

import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.device.DeviceDomain;
import dev.outboard.driver.Match;
import dev.outboard.iommu.Fault;
import dev.outboard.uio.WaitPolicy;
import java.util.function.Consumer;

/**
 * What a host decided about a device before it is opened. The device borrows all of it.
 *
 * @param name the name it is claimed by
 * @param match what the driver drives: tells the type of a device whose bus cannot
 * @param memory the physical memory its driver uses
 * @param services the mapping services its driver uses
 * @param domain the I/O address space it is confined to, or null without an IOMMU
 * @param queueEntries the most entries a queue may have; a power of two
 * @param rings which rings it gets
 * @param queues the most queues its driver uses at once, each on a thread of its own
 * @param receiveOffloads what the client takes of frames that the device leaves unfinished
 * @param waiting how its interrupts wait
 * @param noIommu whether the user has said that nothing need stand between device and memory
 * @param onFault who is told, on any thread, of DMA that was stopped where no domain tells
 */
public record DeviceSetup(
        String name,
        Match match,
        PhysicalMemory memory,
        DmaServices services,
        IommuDomain domain,
        int queueEntries,
        RingChoice rings,
        int queues,
        int receiveOffloads,
        WaitPolicy waiting,
        boolean noIommu,
        Consumer<Fault> onFault) {
    /** Whether an IOMMU stands before the device, so that its addresses are IOVAs. */
    public boolean isTranslated() {
        return domain != null;
    }

    /** Whether the translations are in an IOTLB of the device's own, which is fed. */
    public boolean isFed() {
        return domain instanceof DeviceDomain;
    }
}
