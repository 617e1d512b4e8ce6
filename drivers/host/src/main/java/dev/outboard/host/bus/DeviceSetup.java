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

    /**
     * What of a device's features its driver may know of, as far as rings are chosen.
     *
     * <p>Of itself the choice is split rings where the device asks for translations: DPDK's
     * back-end drops a frame of a packed ring for whose buffer it has to ask (version 22.11,
     * virtio_dev_tx_single_packed), and leaves one of a split ring where it is.
     *
     * @throws dev.outboard.driver.DeviceException where it has not the rings that were asked for
     */
    public long known(long offered) {
        var choice = rings == RingChoice.AUTO && isFed() ? RingChoice.SPLIT : rings;
        return choice.of(offered, name);
    }
}
