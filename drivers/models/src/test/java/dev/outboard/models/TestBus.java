package dev.outboard.models;

import dev.outboard.dma.BusMaster;
import dev.outboard.dma.DmaWindow;
import dev.outboard.iommu.Access;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Bus addresses in pages, each of which a test can put anywhere, in any direction, or nowhere: what
 * an IOMMU does, without one.
 */
final class TestBus implements BusMaster {
    static final int PAGE = 4096;

    /** Bus address of page 0. */
    static final long FIRST = 0x10_0000;

    final MemorySegment memory;
    private final int[] frames;
    private final int[] access;
    private long generation;
    private boolean inside;

    /** Whether what is not allowed is asked for, and no fault. */
    boolean asks;

    private boolean awaited;
    long faults;
    long lastFault;

    TestBus(Arena arena, int pages) {
        memory = arena.allocate((long) pages * PAGE, PAGE);
        frames = new int[pages];
        access = new int[pages];
        Arrays.setAll(frames, page -> page);
        Arrays.fill(access, Access.READ_WRITE);
    }

    /** Puts the pages into another order, and voids what was resolved. */
    void frames(int... order) {
        System.arraycopy(order, 0, frames, 0, order.length);
        generation++;
    }

    /** Sets what a page may be used for. */
    void allow(int page, int rights) {
        access[page] = rights;
        generation++;
    }

    /** Where a bus address is in {@link #memory}. */
    long offset(long address) {
        int page = (int) ((address - FIRST) / PAGE);
        return (long) frames[page] * PAGE + address % PAGE;
    }

    @Override
    public long enter() {
        inside = true;
        return generation;
    }

    @Override
    public long checkpoint() {
        return generation;
    }

    @Override
    public void exit() {
        inside = false;
    }

    @Override
    public boolean resolve(long address, long lengthBytes, int wanted, DmaWindow window) {
        if (!inside) {
            throw new AssertionError("DMA outside a section");
        }
        long offset = address - FIRST;
        int page = (int) (offset / PAGE);
        awaited = false;
        if (asks && page < frames.length && (access[page] & wanted) != wanted) {
            awaited = true;
            return false;
        }
        if (offset < 0 || page >= frames.length || (access[page] & wanted) != wanted) {
            faults++;
            lastFault = address;
            return false;
        }
        window.memory = memory;
        window.offset = offset(address);
        window.lengthBytes = Math.min(lengthBytes, PAGE - address % PAGE);
        return true;
    }

    @Override
    public boolean isAwaited() {
        return awaited;
    }

    @Override
    public long ringAddress(long vringAddress) {
        return vringAddress;
    }

    @Override
    public boolean isTranslated() {
        return true;
    }

    @Override
    public void close() {
        exit();
    }
}
