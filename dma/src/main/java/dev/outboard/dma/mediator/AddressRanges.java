package dev.outboard.dma.mediator;

import dev.outboard.dma.PhysicalMemory;
import dev.outboard.iommu.IoPage;
import java.util.Map;
import java.util.TreeMap;

/**
 * Physical addresses, so that no two clients' memory has the same: next fit, with a hole of a page
 * or more between neighbours, and each as late as possible for the second time, so that who
 * remembers one wrongly is noticed. Each begins where an entry of any format may begin, else no
 * buffer near its ends could be mapped where entries are larger than a page; and one of a gibibyte
 * where a superpage of that size may. One thread; control plane.
 */
final class AddressRanges {
    /** No address is free for so much. */
    static final long NONE = -1;

    private static final long END =
            PhysicalMemory.FIRST_ADDRESS + PhysicalMemory.MAX_LENGTH_BYTES - IoPage.BYTES;

    /** The largest of the smallest entries that formats have: papr-16m's. */
    private static final long ALIGNMENT = 16L << 20;

    private static final long LARGEST_SUPERPAGE_BYTES = 1L << 30;

    /** First addresses and the ends after them, the hole included. */
    private final TreeMap<Long, Long> taken = new TreeMap<>();

    /** Where the search begins. */
    private long next = PhysicalMemory.FIRST_ADDRESS;

    long take(long lengthBytes) {
        long alignment =
                lengthBytes >= LARGEST_SUPERPAGE_BYTES ? LARGEST_SUPERPAGE_BYTES : ALIGNMENT;
        long at = from(next, lengthBytes, alignment);
        if (at == NONE) {
            at = from(PhysicalMemory.FIRST_ADDRESS, lengthBytes, alignment);
        }
        if (at == NONE && alignment > ALIGNMENT) {
            // Rather without superpages than not at all.
            at = from(PhysicalMemory.FIRST_ADDRESS, lengthBytes, ALIGNMENT);
        }
        if (at != NONE) {
            next = at + lengthBytes + IoPage.BYTES;
            taken.put(at, next);
        }
        return at;
    }

    /** The first place from an address on. */
    private long from(long start, long lengthBytes, long alignment) {
        long at = start + alignment - 1 & -alignment;
        while (lengthBytes <= END - at) {
            Map.Entry<Long, Long> near = taken.lowerEntry(at + lengthBytes + IoPage.BYTES);
            if (near == null || near.getValue() <= at) {
                return at;
            }
            at = near.getValue() + alignment - 1 & -alignment;
        }
        return NONE;
    }

    void giveBack(long address) {
        taken.remove(address);
    }
}
