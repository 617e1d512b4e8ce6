package dev.outboard.dma.mediator;

import dev.outboard.dma.PhysicalMemory;
import dev.outboard.iommu.IoPage;
import java.util.TreeMap;

/**
 * Physical addresses, so that no two clients' memory has the same: first fit, with a hole of a page
 * or more between neighbours. Each begins where an entry of any format may begin: else no buffer
 * near its ends could be mapped where entries are larger than a page. One thread; control plane.
 */
final class AddressRanges {
    /** No address is free for so much. */
    static final long NONE = -1;

    private static final long END =
            PhysicalMemory.FIRST_ADDRESS + PhysicalMemory.MAX_LENGTH_BYTES - IoPage.BYTES;

    /** The largest of the smallest entries that formats have: papr-16m's. */
    private static final long ALIGNMENT = 16L << 20;

    /** First addresses and the ends after them, the hole included. */
    private final TreeMap<Long, Long> taken = new TreeMap<>();

    long take(long lengthBytes) {
        long at = PhysicalMemory.FIRST_ADDRESS;
        for (var range : taken.entrySet()) {
            if (range.getKey() - at >= lengthBytes + IoPage.BYTES) {
                break;
            }
            at = range.getValue() + ALIGNMENT - 1 & -ALIGNMENT;
        }
        if (lengthBytes > END - at) {
            return NONE;
        }
        taken.put(at, at + lengthBytes + IoPage.BYTES);
        return at;
    }

    void giveBack(long address) {
        taken.remove(address);
    }
}
