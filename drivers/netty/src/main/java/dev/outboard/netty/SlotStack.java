package dev.outboard.netty;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Numbers that any thread takes and gives back: a stack of links, without a lock and without an
 * object for each. The head carries a count of changes, so that a number which was taken and given
 * back meanwhile is not mistaken for one that stayed.
 */
final class SlotStack {
    /** There is none. */
    static final int NONE = -1;

    private static final VarHandle NEXT = MethodHandles.arrayElementVarHandle(int[].class);
    private static final int INDEX_BITS = 32;

    private final AtomicLong head = new AtomicLong();
    private final int[] next;

    /** All numbers from 0 on, the lowest on top. */
    SlotStack(int count) {
        next = new int[count];
        for (int slot = 0; slot < count; slot++) {
            next[slot] = slot + 1 < count ? slot + 1 : NONE;
        }
        head.set(count > 0 ? 0 : NONE & 0xffff_ffffL);
    }

    /** A number, or {@link #NONE}. */
    int take() {
        while (true) {
            long seen = head.getAcquire();
            int slot = (int) seen;
            if (slot == NONE) {
                return NONE;
            }
            // May be of another moment; then the count has changed, and so the exchange fails.
            int below = (int) NEXT.getOpaque(next, slot);
            if (head.compareAndSet(seen, changed(seen, below))) {
                return slot;
            }
        }
    }

    void give(int slot) {
        while (true) {
            long seen = head.getAcquire();
            NEXT.setOpaque(next, slot, (int) seen);
            if (head.compareAndSet(seen, changed(seen, slot))) {
                return;
            }
        }
    }

    private static long changed(long seen, int slot) {
        return (seen >>> INDEX_BITS) + 1 << INDEX_BITS | slot & 0xffff_ffffL;
    }
}
