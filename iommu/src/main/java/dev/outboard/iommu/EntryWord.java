package dev.outboard.iommu;

import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Words of entries in memory, in the byte order of the hardware, whatever this machine's is. */
final class EntryWord {
    /** Eight bytes, the most significant first. */
    static final VarHandle BIG_ENDIAN = word(ByteOrder.BIG_ENDIAN);

    /** Eight bytes, the least significant first. */
    static final VarHandle LITTLE_ENDIAN = word(ByteOrder.LITTLE_ENDIAN);

    private EntryWord() {}

    private static VarHandle word(ByteOrder order) {
        return ValueLayout.JAVA_LONG.withOrder(order).varHandle().withInvokeExactBehavior();
    }
}
