package dev.outboard.uio.qtest;

import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Waits;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.BitSet;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;

/**
 * Where the functions of a machine write their message-signalled interrupts: a word a vector, in a
 * page of the machine's RAM. One daemon thread looks at them, and signals events.
 *
 * <p>A word that was written twice before it was looked at signals once, as a real one may. Any
 * thread takes and gives back words.
 */
final class VectorMailbox implements AutoCloseable {
    static final int WORDS = 1024;
    static final int LENGTH_BYTES = WORDS * Integer.BYTES;

    private static final VarHandle WORD =
            ValueLayout.JAVA_INT.varHandle().withInvokeExactBehavior();
    private static final long LOOK_NANOS = 20_000;

    private final MemorySegment page;
    private final AtomicReferenceArray<EventDescriptor> events = new AtomicReferenceArray<>(WORDS);
    private final BitSet used = new BitSet(WORDS);
    private final Thread thread;
    private volatile int end;
    private volatile boolean closed;

    /**
     * @param page {@link #LENGTH_BYTES} of RAM, mapped until this is closed
     */
    VectorMailbox(MemorySegment page) {
        this.page = page;
        page.fill((byte) 0);
        thread = Thread.ofPlatform().daemon().name("qtest-vectors").start(this::look);
    }

    /**
     * Takes a word for a vector.
     *
     * @return its index
     * @throws IllegalStateException if all are taken
     */
    synchronized int take(EventDescriptor event) {
        int index = used.nextClearBit(0);
        if (index == WORDS) {
            throw new IllegalStateException("all %d vectors are taken".formatted(WORDS));
        }
        used.set(index);
        WORD.setVolatile(page, (long) index * Integer.BYTES, 0);
        events.set(index, event);
        end = Math.max(end, index + 1);
        LockSupport.unpark(thread);
        return index;
    }

    /** Gives it back: its event is not signalled any more when this returns. */
    void giveBack(int index) {
        // Under the lock of "signal".
        synchronized (events) {
            events.set(index, null);
        }
        synchronized (this) {
            used.clear(index);
            end = used.length();
        }
    }

    private void look() {
        while (!closed) {
            int last = end;
            for (int index = 0; index < last; index++) {
                long offset = (long) index * Integer.BYTES;
                if ((int) WORD.getOpaque(page, offset) != 0) {
                    // Full fence, by the exchange: what the device wrote before it signalled is
                    // seen by whoever the event wakes.
                    int unused = (int) WORD.getAndSet(page, offset, 0);
                    signal(index);
                }
            }
            if (last == 0) {
                LockSupport.park(this);
            } else {
                LockSupport.parkNanos(this, LOOK_NANOS);
            }
        }
    }

    private void signal(int index) {
        synchronized (events) {
            EventDescriptor event = events.get(index);
            if (event != null) {
                event.signal();
            }
        }
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
        Waits.forEnd(thread);
    }
}
