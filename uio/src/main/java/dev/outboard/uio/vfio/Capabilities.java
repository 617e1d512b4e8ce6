package dev.outboard.uio.vfio;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The list of capabilities behind a structure of the kernel's. A list that leads backwards or out
 * of the structure ends there: an older kernel, or a newer one, is no reason to go astray.
 */
final class Capabilities {
    /** A pair of 64-bit numbers in a capability's list. */
    record Pair(long first, long second) {}

    private Capabilities() {}

    /**
     * Where a capability begins, or -1.
     *
     * @param first where the list begins, of which 0 means that there is none
     */
    static long find(MemorySegment info, long first, int id) {
        long at = first;
        long before = 0;
        while (at > before && at <= info.byteSize() - VfioDescriptor.CAPABILITY_BYTES) {
            if (Short.toUnsignedInt(info.get(VfioDescriptor.U16, at)) == id) {
                return at;
            }
            before = at;
            at =
                    Integer.toUnsignedLong(
                            info.get(VfioDescriptor.U32, at + VfioDescriptor.CAPABILITY_NEXT));
        }
        return -1;
    }

    /** The number in a capability, at the place where each has its count. */
    static int count(MemorySegment info, long capability) {
        return info.get(VfioDescriptor.U32, capability + VfioDescriptor.CAPABILITY_COUNT);
    }

    /** The pairs of a capability that has a list of them, as many as there is room for. */
    static List<Pair> pairs(MemorySegment info, long capability) {
        List<Pair> found = new ArrayList<>();
        long room = info.byteSize() - capability - VfioDescriptor.CAPABILITY_LIST;
        long count =
                Math.min(
                        Integer.toUnsignedLong(count(info, capability)),
                        Math.max(0, room) / VfioDescriptor.PAIR_BYTES);
        for (long index = 0; index < count; index++) {
            long at =
                    capability + VfioDescriptor.CAPABILITY_LIST + index * VfioDescriptor.PAIR_BYTES;
            found.add(
                    new Pair(
                            info.get(VfioDescriptor.U64, at),
                            info.get(VfioDescriptor.U64, at + Long.BYTES)));
        }
        return found;
    }
}
