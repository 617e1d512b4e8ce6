package dev.outboard.dma;

import dev.outboard.dma.AttachProtocol.Segment;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.Resources;
import java.util.HashMap;
import java.util.Map;

/**
 * The segments that an owner gave a device, mapped here: they come and go. The device's thread,
 * outside DMA sections, so that unmapping never meets an access.
 */
final class AttachedMemory implements AutoCloseable {
    private final LocalMemory memory = new LocalMemory(AttachProtocol.MAX_SEGMENTS);

    /** By physical address. */
    private final Map<Long, Mapping> mappings = new HashMap<>();

    /** What is mapped, to be found by address. */
    LocalMemory memory() {
        return memory;
    }

    /** Maps a file that the owner sent; closes the descriptor in any case. */
    static Mapping map(Descriptor received, long lengthBytes, boolean writable) {
        try (MemoryFile file = MemoryFile.adopt(received)) {
            if (!file.isSizeSealed()) {
                throw new IllegalArgumentException(
                        "a file of the owner is not sealed: it could shrink under us");
            }
            return file.map(0, lengthBytes, writable);
        }
    }

    /**
     * Maps one more; closes the descriptor in any case.
     *
     * @throws IllegalArgumentException if it is not whole pages, could shrink, or overlaps another
     * @throws IndexOutOfBoundsException if it is longer than its file
     */
    void add(Segment segment, Descriptor received) {
        Mapping mapping;
        try (received) {
            LocalMemory.requireWholePages(segment);
            mapping = map(received, segment.lengthBytes(), true);
        }
        try {
            memory.add(segment.physicalAddress(), mapping.memory());
        } catch (IllegalArgumentException wrong) {
            mapping.close();
            throw wrong;
        }
        mappings.put(segment.physicalAddress(), mapping);
    }

    /**
     * Unmaps one.
     *
     * @throws IllegalArgumentException if there is none of just this place and length
     */
    void remove(Segment segment) {
        memory.remove(segment.physicalAddress(), segment.lengthBytes());
        mappings.remove(segment.physicalAddress()).close();
    }

    /** Unmaps all; again does nothing. */
    @Override
    public void close() {
        try (Resources all = new Resources()) {
            mappings.values().forEach(all::add);
            mappings.clear();
        }
    }
}
