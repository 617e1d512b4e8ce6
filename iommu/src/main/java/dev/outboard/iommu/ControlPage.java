package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * Words of the control page, with their memory order in the name. The other side is another
 * process, maybe a hostile one.
 */
final class ControlPage {
    private static final VarHandle WORD =
            ValueLayout.JAVA_LONG.varHandle().withInvokeExactBehavior();

    private ControlPage() {}

    static MemorySegment checked(MemorySegment memory) {
        if (memory.byteSize() < ControlPageDescriptor.LENGTH_BYTES) {
            throw new IllegalArgumentException(
                    "lengthBytes=%d of a control page, which takes %d"
                            .formatted(memory.byteSize(), ControlPageDescriptor.LENGTH_BYTES));
        }
        return memory;
    }

    static long getAcquire(MemorySegment page, long offset) {
        return (long) WORD.getAcquire(page, offset);
    }

    static void setRelease(MemorySegment page, long offset, long value) {
        WORD.setRelease(page, offset, value);
    }

    static void setOpaque(MemorySegment page, long offset, long value) {
        WORD.setOpaque(page, offset, value);
    }

    static long getOpaque(MemorySegment page, long offset) {
        return (long) WORD.getOpaque(page, offset);
    }
}
