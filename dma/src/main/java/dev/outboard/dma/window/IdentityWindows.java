package dev.outboard.dma.window;

import dev.outboard.dma.MemoryListener;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import dev.outboard.iommu.Access;
import java.util.ArrayList;
import java.util.List;

/**
 * The strategy off before a keeper of windows: all of a memory is mapped once, each segment at the
 * IOVA that is its physical address, and what is plugged later as it comes. The device reaches
 * that, and nothing else.
 *
 * <p>Made and closed by who has the device; the memory tells of changes on its own threads.
 */
public final class IdentityWindows implements MemoryListener, AutoCloseable {
    private final PhysicalMemory memory;
    private final DmaWindows keeper;

    /** What the keeper was told of. Guarded by this. */
    private final List<PhysicalSegment> told = new ArrayList<>();

    /**
     * Maps what there is.
     *
     * @param memory borrowed
     * @param keeper borrowed
     * @throws RuntimeException if the keeper refuses; then nothing is mapped
     */
    public IdentityWindows(PhysicalMemory memory, DmaWindows keeper) {
        this.memory = memory;
        this.keeper = keeper;
        try {
            memory.addListener(this).forEach(this::coming);
        } catch (RuntimeException refused) {
            closeAfter(refused);
            throw refused;
        }
    }

    @Override
    public synchronized void coming(PhysicalSegment segment) {
        if (!told.contains(segment)) {
            keeper.map(
                    segment.physicalAddress(),
                    segment,
                    0,
                    segment.lengthBytes(),
                    Access.READ_WRITE);
            told.add(segment);
        }
    }

    /** A window is taken away whole. */
    @Override
    public void partGoing(long physicalAddress, long lengthBytes) {
        throw new IllegalStateException(
                ("with strategy off a device reaches whole segments: unplug all of the one that"
                                + " holds 0x%x, or take another --strategy")
                        .formatted(physicalAddress));
    }

    @Override
    public synchronized void going(PhysicalSegment segment) {
        if (told.remove(segment)) {
            keeper.unmap(segment.physicalAddress(), segment.lengthBytes());
        }
    }

    private void closeAfter(RuntimeException refused) {
        try {
            close();
        } catch (RuntimeException further) {
            refused.addSuppressed(further);
        }
    }

    /** Takes every window away; again does nothing. */
    @Override
    public void close() {
        memory.removeListener(this);
        synchronized (this) {
            while (!told.isEmpty()) {
                var segment = told.removeLast();
                keeper.unmap(segment.physicalAddress(), segment.lengthBytes());
            }
        }
    }
}
