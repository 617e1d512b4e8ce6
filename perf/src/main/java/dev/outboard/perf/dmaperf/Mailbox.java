package dev.outboard.perf.dmaperf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/** Words of the mailbox with their memory order; see {@link MailboxDescriptor}. Stateless. */
final class Mailbox {
    private static final VarHandle WORD =
            ValueLayout.JAVA_LONG_UNALIGNED.varHandle().withInvokeExactBehavior();
    private static final VarHandle ORDERED =
            ValueLayout.JAVA_LONG.varHandle().withInvokeExactBehavior();

    private Mailbox() {}

    static long get(MemorySegment memory, long offset) {
        return (long) WORD.get(memory, offset);
    }

    static void set(MemorySegment memory, long offset, long value) {
        WORD.set(memory, offset, value);
    }

    static long getAcquire(MemorySegment memory, long offset) {
        return (long) ORDERED.getAcquire(memory, offset);
    }

    static void setRelease(MemorySegment memory, long offset, long value) {
        ORDERED.setRelease(memory, offset, value);
    }
}
