package dev.outboard.dma.pool;

import dev.outboard.dma.DmaMemory;
import dev.outboard.iommu.IoPage;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A page of a {@link PagePool}: its taker's from being taken until it is given back, which any
 * taker of the same pool may do. Its methods are for whoever has it, on any thread. Made once, by
 * the refill thread; taking it and giving it back makes no object.
 */
public final class PoolPage {
    /** Bytes of a page. */
    public static final int BYTES = IoPage.BYTES;

    private static final VarHandle NEXT;

    static {
        try {
            NEXT = MethodHandles.lookup().findVarHandle(PoolPage.class, "next", int.class);
        } catch (ReflectiveOperationException missing) {
            throw new ExceptionInInitializerError(missing);
        }
    }

    private final PagePool pool;
    private final DmaMemory buffer;
    private final int index;

    /** The page under this one in a {@link PageStack}. */
    private int next;

    /** Whether a taker has it: plain, because a page is one thread's at any moment. */
    private boolean taken;

    private boolean zeroed;

    PoolPage(PagePool pool, DmaMemory buffer, int index) {
        this.pool = pool;
        this.buffer = buffer;
        this.index = index;
        zeroed = true;
    }

    /** The bytes: a page, page-aligned. Not to be used after the page was given back. */
    public MemorySegment memory() {
        return buffer.memory();
    }

    /** Where the first byte is, for {@link dev.outboard.dma.Dma#map}. */
    public long physicalAddress() {
        return buffer.physicalAddress();
    }

    /** The page as a driver's queue takes it. The pool owns it: it is never closed by others. */
    public DmaMemory buffer() {
        return buffer;
    }

    /**
     * Whether it was all zero when it was taken. If not, it holds what takers of the same thread
     * left in it: data of others is always wiped.
     */
    public boolean isZeroed() {
        return zeroed;
    }

    int index() {
        return index;
    }

    /** Acquire: partner of {@link #setNext}; what it names can be looked up in the table. */
    int next() {
        return (int) NEXT.getAcquire(this);
    }

    void setNext(int below) {
        NEXT.setRelease(this, below);
    }

    void take() {
        taken = true;
    }

    /** Refuses a page that no taker has, or that is another pool's. */
    void giveBack(PagePool to) {
        if (!taken || pool != to) {
            throw notTaken(to);
        }
        taken = false;
        zeroed = false;
    }

    private IllegalStateException notTaken(PagePool to) {
        return new IllegalStateException(
                pool == to
                        ? "page physicalAddress=0x%x of %s was given back twice"
                                .formatted(physicalAddress(), pool)
                        : "page physicalAddress=0x%x is of %s, not of %s: give it back there"
                                .formatted(physicalAddress(), pool, to));
    }

    /** Wipes it, unless it is wiped already; false if its memory is no longer there. */
    boolean wipe() {
        if (!zeroed) {
            try {
                buffer.memory().fill((byte) 0);
            } catch (IllegalStateException | InternalError gone) {
                // Unplugged by force, before or while it was wiped: see DmaMemory.
                return false;
            }
            zeroed = true;
        }
        return true;
    }

    boolean isWithin(long startAddress, long lengthBytes) {
        long offset = physicalAddress() - startAddress;
        return offset >= 0 && offset < lengthBytes;
    }
}
