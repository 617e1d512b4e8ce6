package dev.outboard.uio.vfio;

import dev.outboard.uio.DeviceNode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Asks the kernel for structures whose length it knows better than we do. */
final class Questions {
    /** More than any kernel has to say. */
    private static final int MOST_BYTES = 1 << 16;

    private static final int INDEX = 8;

    private Questions() {}

    /**
     * Asks, and asks again with the room that the kernel wants.
     *
     * @param leastBytes of the structure without what follows it
     * @param index what it is about, for those that say so in their third word; else -1
     * @throws dev.outboard.uio.NativeException if the kernel refuses
     */
    static MemorySegment ask(
            Arena arena, DeviceNode node, String call, int request, int leastBytes, int index) {
        int length = leastBytes;
        while (true) {
            MemorySegment info = arena.allocate(length, Long.BYTES);
            info.set(VfioDescriptor.U32, 0, length);
            if (index >= 0) {
                info.set(VfioDescriptor.U32, INDEX, index);
            }
            require(node.control(request, info), node, call);
            int wanted = info.get(VfioDescriptor.U32, 0);
            if (wanted <= length || length == MOST_BYTES) {
                return info;
            }
            length = Math.min(wanted, MOST_BYTES);
        }
    }

    /** The answer of a call that must succeed. */
    static int require(int answer, DeviceNode node, String call) {
        if (answer < 0) {
            throw DeviceNode.failure("ioctl " + call, answer, node.name());
        }
        return answer;
    }
}
