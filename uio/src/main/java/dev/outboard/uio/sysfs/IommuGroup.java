package dev.outboard.uio.sysfs;

import java.util.List;

/**
 * Functions that an IOMMU cannot keep apart: they are given to a process together, or not at all.
 *
 * @param number what the node {@code /dev/vfio/N} is called by
 * @param type how the kernel uses it, as {@code DMA-FQ}, or an empty text on a kernel that does not
 *     say
 * @param members the places of its functions, in their order; bridges among them
 */
public record IommuGroup(int number, String type, List<PciPlace> members) {
    /** Copies the list. */
    public IommuGroup {
        members = List.copyOf(members);
    }
}
