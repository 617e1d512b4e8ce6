package dev.outboard.host.vhost;

import dev.outboard.dma.MemoryListener;
import dev.outboard.dma.PhysicalSegment;
import dev.outboard.dma.device.DeviceDomain;
import dev.outboard.driver.DeviceException;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.uio.vhost.MemoryRegion;
import dev.outboard.uio.vhost.VhostFrontEnd;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * What a device is told of the driver's memory that no owner of an IOMMU tells it: at first all of
 * it, then what comes and goes.
 *
 * <pre>
 *   PhysicalMemory ─ coming, going ─► VhostMemory ─ ADD_MEM_REG, REM_MEM_REG ─► back-end
 *                                          └─ without memory slots: SET_MEM_TABLE anew
 * </pre>
 *
 * <p>Without an IOMMU descriptor's, ring's and physical address are one. To a device with an IOTLB
 * the regions say where translations lead.
 *
 * <p>Owned by the device's queues. Memory changes on any thread; each change waits for the device's
 * answer, which is bounded. A device that went away, or does not answer, holds no change up: its
 * connection is closed, and it is given memory anew when it is opened again.
 */
final class VhostMemory implements MemoryListener, AutoCloseable {
    private final VhostLink link;
    private final VhostFrontEnd frontEnd;
    private final DeviceSetup setup;

    /** What the device knows; before it is given anything, what came meanwhile. */
    private final Set<PhysicalSegment> told = new LinkedHashSet<>();

    /** What went before anything was given. */
    private final Set<PhysicalSegment> gone = new LinkedHashSet<>();

    /** How many pieces of memory the device takes, once it is given some. */
    private int slots;

    private boolean given;

    VhostMemory(VhostLink link, VhostFrontEnd frontEnd, DeviceSetup setup) {
        this.link = link;
        this.frontEnd = frontEnd;
        this.setup = setup;
    }

    /** Gives the device all memory that there is, and from now on what comes. */
    void give() {
        // Not under the lock, which whoever changes memory takes after the memory's own.
        List<PhysicalSegment> present = setup.memory().addListener(this);
        synchronized (this) {
            told.addAll(present);
            told.removeAll(gone);
            slots = link.ask("its memory slots", frontEnd::memorySlots);
            requireSlots(told.size());
            List<MemoryRegion> regions = told.stream().map(PhysicalSegment::region).toList();
            link.tell("the memory table", () -> frontEnd.setMemoryTable(regions));
            given = true;
        }
    }

    @Override
    public synchronized void coming(PhysicalSegment segment) {
        if (!given) {
            gone.remove(segment);
            told.add(segment);
        } else if (!told.contains(segment)
                && change(segment, "memory", () -> frontEnd.addMemory(segment.region()))) {
            told.add(segment);
        }
    }

    /** Without an IOMMU a device reaches all of a region, which it has or has not. */
    @Override
    public void partGoing(long physicalAddress, long lengthBytes) {
        if (!setup.isTranslated()) {
            throw new DeviceException(
                    ("device %s has no IOMMU and reaches whole segments: unplug all of the one that"
                                    + " holds 0x%x, or run it with one (--iommu)")
                            .formatted(setup.name(), physicalAddress));
        }
    }

    @Override
    public synchronized void going(PhysicalSegment segment) {
        if (!given) {
            told.remove(segment);
            gone.add(segment);
        } else if (told.contains(segment)
                && change(
                        segment,
                        "the end of memory",
                        () -> frontEnd.removeMemory(segment.region()))) {
            told.remove(segment);
        }
    }

    /** Whether the device was told; not if it is gone, which then reaches nothing. */
    private boolean change(PhysicalSegment segment, String what, Runnable message) {
        if (link.isLost()) {
            return false;
        }
        requireSlots(told.contains(segment) ? 0 : told.size() + 1);
        try {
            link.tell(what + " at 0x%x".formatted(segment.physicalAddress()), message);
        } catch (RuntimeException failed) {
            if (link.isLost()) {
                return false;
            }
            throw failed;
        }
        if (!frontEnd.hasMemorySlots() && setup.domain() instanceof DeviceDomain fed) {
            fed.forgotten();
        }
        return true;
    }

    private void requireSlots(int segments) {
        if (segments > slots) {
            throw new DeviceException(
                    ("device %s takes %d pieces of memory, not %d: use fewer, larger segments, or"
                                    + " unplug one first")
                            .formatted(setup.name(), slots, segments));
        }
    }

    /** The device is told of no further change. Twice does no harm. */
    @Override
    public void close() {
        setup.memory().removeListener(this);
    }
}
