package dev.outboard.host.pci;

import dev.outboard.dma.PhysicalSegment;
import dev.outboard.dma.QuotaExceededException;
import dev.outboard.dma.window.DmaWindows;
import dev.outboard.uio.vfio.AddressSpace;
import dev.outboard.uio.vfio.VfioException;

/**
 * The windows of a device behind the kernel's IOMMU: each is a mapping of VFIO's. Threads as {@link
 * DmaWindows} says; allocates nothing.
 */
final class VfioWindows implements DmaWindows {
    private final AddressSpace space;
    private final int limit;

    /** Of a space in which nothing is mapped yet. */
    VfioWindows(AddressSpace space) {
        this.space = space;
        limit = space.left();
    }

    @Override
    public int limit() {
        return limit;
    }

    /** Access and VFIO's rights are the same bits. */
    @Override
    public void map(long iova, PhysicalSegment segment, long offset, long lengthBytes, int access) {
        boolean isMapped;
        try {
            isMapped = space.map(iova, segment.memory(), offset, lengthBytes, access);
        } catch (VfioException refused) {
            throw new QuotaExceededException(refused.getMessage());
        }
        if (!isMapped) {
            throw new QuotaExceededException(
                    ("%s has as many mappings as the kernel allows: unmap some, take a strategy"
                                    + " that maps more at a time, or modprobe vfio_iommu_type1"
                                    + " dma_entry_limit=N")
                            .formatted(space.describe()));
        }
    }

    @Override
    public void unmap(long iova, long lengthBytes) {
        long unmapped = space.unmap(iova, lengthBytes);
        if (unmapped != lengthBytes) {
            throw new IllegalStateException(
                    "iova=0x%x was unmapped for 0x%x bytes of 0x%x"
                            .formatted(iova, unmapped, lengthBytes));
        }
    }
}
