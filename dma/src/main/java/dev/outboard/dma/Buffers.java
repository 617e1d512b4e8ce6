package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import java.util.Objects;

/** Checks of what a driver asks to map; throwing is kept off the paths that pass. */
final class Buffers {
    private Buffers() {}

    /** Pages under a buffer; the length is an int, so this is one too. */
    static int pages(long address, int lengthBytes) {
        return (int) IoPage.span(address, lengthBytes);
    }

    static void require(PhysicalMemory memory, long physicalAddress, int lengthBytes) {
        if (!memory.contains(physicalAddress, lengthBytes)) {
            throw notMemory(physicalAddress, lengthBytes);
        }
    }

    /** A grant where the strategy does not ask for any. */
    static Grant grantNothing(
            PhysicalMemory memory, long physicalAddress, long lengthBytes, DmaDirection direction) {
        if (!memory.contains(physicalAddress, lengthBytes)) {
            throw notMemory(physicalAddress, lengthBytes);
        }
        return new Grant(physicalAddress, lengthBytes, Objects.requireNonNull(direction), () -> {});
    }

    static void require(PhysicalMemory memory, ScatterGatherList list) {
        list.requireMappable();
        for (int index = 0; index < list.count(); index++) {
            require(memory, list.physicalAddress(index), list.lengthBytes(index));
        }
    }

    /** The same where a table's smallest entry covers so many bytes. */
    static IllegalArgumentException notMemory(
            long physicalAddress, long lengthBytes, long entryBytes) {
        return entryBytes == IoPage.BYTES
                ? notMemory(physicalAddress, lengthBytes)
                : new IllegalArgumentException(
                        ("physicalAddress=0x%x lengthBytes=%d is not memory of this service up to"
                                        + " the borders of entryBytes=%d: map what allocate"
                                        + " returned, of memory that is a multiple of it")
                                .formatted(physicalAddress, lengthBytes, entryBytes));
    }

    private static IllegalArgumentException notMemory(long physicalAddress, long lengthBytes) {
        return new IllegalArgumentException(
                ("physicalAddress=0x%x lengthBytes=%d is not memory of this service:"
                                + " map what allocate returned")
                        .formatted(physicalAddress, lengthBytes));
    }

    static IllegalArgumentException notMapped(long iova, int lengthBytes) {
        return new IllegalArgumentException(
                ("iova=0x%x lengthBytes=%d is not mapped like that:"
                                + " unmap what map returned, once, with its length")
                        .formatted(iova, lengthBytes));
    }
}
