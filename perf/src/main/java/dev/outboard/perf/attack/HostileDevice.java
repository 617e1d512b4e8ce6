package dev.outboard.perf.attack;

import dev.outboard.dma.BusMaster;
import dev.outboard.dma.DmaWindow;
import dev.outboard.host.cli.CommandException;
import dev.outboard.iommu.Access;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/**
 * A device that wants everything: replays each IOVA it ever saw, tries the neighbours of every
 * mapping and each mapping against its direction, keeps what it resolved as long as the generation
 * stays, and holds its sections open while somebody unmaps. Where it may write, it leaves its
 * signature; where it may read, it looks for secrets, and tells.
 *
 * <p>One thread, the device's. Allocates nothing while it attacks.
 */
final class HostileDevice {
    private static final int PAGE_BYTES = 4096;
    private static final int RECENT = 16;
    private static final int HELD = 8;
    private static final int REPLAYS = 6;
    private static final int HOLD_ONE_IN = 16;
    private static final long HOLD_NANOS = 8_000;
    private static final int LOOK_FOR_OWNER_ROUNDS = 4096;

    private final BusMaster bus;
    private final long boardIova;
    private final int iovaPages;
    private final SplittableRandom random;
    private final DmaWindow window = new DmaWindow();

    /** Every IOVA page that was ever posted, each once. */
    private final int[] seen;

    private final boolean[] isSeen;
    private int seenCount;
    private final long[] recent = new long[RECENT];
    private int recentAt;
    private long newest;
    private final Held[] held = new Held[HELD];
    private int heldAt;
    private MemorySegment board;
    private long boardOffset;
    private long boardGeneration = -1;
    private long generation;
    private long learnt;
    private long done;
    private final Tally tally = new Tally();

    /** What was resolved, and for which generation it holds. */
    private static final class Held {
        private MemorySegment memory;
        private long offset;
        private long iova;
        private int access;
        private long generation = -1;
    }

    HostileDevice(BusMaster bus, long boardIova, int iovaPages, long seed) {
        this.bus = bus;
        this.boardIova = boardIova;
        this.iovaPages = iovaPages;
        random = new SplittableRandom(seed);
        seen = new int[iovaPages];
        isSeen = new boolean[iovaPages];
        for (int index = 0; index < HELD; index++) {
            held[index] = new Held();
        }
    }

    /**
     * Attacks until told to end.
     *
     * @param isOwnerGone asked now and then
     */
    void run(java.util.function.BooleanSupplier isOwnerGone) {
        for (long round = 0; ; round++) {
            if (round % LOOK_FOR_OWNER_ROUNDS == 0 && isOwnerGone.getAsBoolean()) {
                return;
            }
            enter();
            long sequence = boardWord(BoardDescriptor.SEQUENCE_OFFSET);
            if (sequence != done) {
                Order order =
                        Order.of(Marks.get(board, boardOffset + BoardDescriptor.ORDER_OFFSET));
                if (order == Order.SWEEP) {
                    sweep();
                }
                done = sequence;
                tally.publish(board, boardOffset);
                Marks.setRelease(board, boardOffset + BoardDescriptor.DONE_OFFSET, done);
                if (order == Order.END) {
                    bus.exit();
                    return;
                }
            }
            attack();
            bus.exit();
        }
    }

    private void enter() {
        generation = bus.enter();
        if (generation != boardGeneration) {
            if (!bus.resolve(boardIova, BoardDescriptor.LENGTH_BYTES, Access.READ_WRITE, window)
                    || window.lengthBytes < BoardDescriptor.LENGTH_BYTES) {
                bus.exit();
                throw new CommandException("the board at iova=0x%x is gone".formatted(boardIova));
            }
            board = window.memory;
            boardOffset = window.offset;
            boardGeneration = generation;
        }
    }

    private long boardWord(int offset) {
        return Marks.getAcquire(board, boardOffset + offset);
    }

    /** One section's worth. */
    private void attack() {
        exploitHeld();
        learn();
        for (int index = 0; index < 2; index++) {
            long iova = recent[random.nextInt(RECENT)];
            tryBoth(iova);
            tryBoth((iova & -PAGE_BYTES) - PAGE_BYTES);
            tryBoth((iova & -PAGE_BYTES) + PAGE_BYTES);
        }
        for (int index = 0; index < REPLAYS && seenCount > 0; index++) {
            tryBoth((long) seen[random.nextInt(seenCount)] * PAGE_BYTES);
        }
        if (random.nextInt(HOLD_ONE_IN) == 0) {
            holdOn();
        }
        tally.publish(board, boardOffset);
        exploitHeld();
    }

    /** What was posted since, the newest of it tried at once. */
    private void learn() {
        long posted = boardWord(BoardDescriptor.POSTED_OFFSET);
        if (posted == learnt) {
            tryBoth(newest);
            return;
        }
        learnt = Math.max(learnt, posted - BoardDescriptor.POSTS);
        long iova = 0;
        while (learnt < posted) {
            learnt++;
            long slot =
                    boardOffset
                            + BoardDescriptor.POSTS_OFFSET
                            + learnt % BoardDescriptor.POSTS * BoardDescriptor.POST_BYTES;
            iova = Marks.get(board, slot);
            long lengthBytes = Marks.get(board, slot + Long.BYTES) & 0xffff_ffffL;
            for (long page = iova / PAGE_BYTES;
                    page <= (iova + lengthBytes - 1) / PAGE_BYTES && page < iovaPages;
                    page++) {
                remember((int) page);
            }
            recent[recentAt++ % RECENT] = iova;
        }
        newest = iova;
        tryAccess(newest, Access.WRITE);
        long value = tryAccess(newest, Access.READ);
        Marks.set(board, boardOffset + BoardDescriptor.READ_VALUE_OFFSET, value);
        Marks.setRelease(board, boardOffset + BoardDescriptor.TRIED_MAPPING_OFFSET, posted);
    }

    private void remember(int page) {
        if (page >= 0 && !isSeen[page]) {
            isSeen[page] = true;
            seen[seenCount++] = page;
        }
    }

    private void tryBoth(long iova) {
        tryAccess(iova, Access.READ);
        tryAccess(iova, Access.WRITE);
    }

    /** Takes what it gets; what was read, or 0. */
    private long tryAccess(long iova, int access) {
        if (iova < 0 || iova % Long.BYTES != 0 || isBoard(iova)) {
            return 0;
        }
        tally.tried++;
        if (!bus.resolve(iova, PAGE_BYTES - iova % PAGE_BYTES, access, window)) {
            tally.refused++;
            return 0;
        }
        Held keep = held[heldAt++ % HELD];
        keep.memory = window.memory;
        keep.offset = window.offset;
        keep.iova = iova;
        keep.access = access;
        keep.generation = generation;
        return use(keep);
    }

    private boolean isBoard(long iova) {
        return iova >= (boardIova & -PAGE_BYTES) && iova < boardIova + BoardDescriptor.LENGTH_BYTES;
    }

    /** Both pairs of marks that the page has from the IOVA on. */
    private long use(Held keep) {
        long room = PAGE_BYTES - keep.iova % PAGE_BYTES;
        if (keep.access == Access.WRITE) {
            tally.written++;
            Marks.set(keep.memory, keep.offset, Marks.signature(keep.iova));
            if (room >= Marks.MIDDLE_OFFSET + Marks.LENGTH_BYTES) {
                long middle = keep.iova + Marks.MIDDLE_OFFSET;
                Marks.set(keep.memory, keep.offset + Marks.MIDDLE_OFFSET, Marks.signature(middle));
            }
            return 0;
        }
        long value = look(keep, Marks.SECRET_OFFSET);
        if (room >= Marks.MIDDLE_OFFSET + Marks.LENGTH_BYTES) {
            look(keep, Marks.MIDDLE_OFFSET + Marks.SECRET_OFFSET);
        }
        return value;
    }

    private long look(Held keep, int offset) {
        long value = Marks.get(keep.memory, keep.offset + offset);
        switch (Marks.tag(value)) {
            case Marks.OPEN -> tally.readOpen++;
            case Marks.STALE -> tally.readStale++;
            case Marks.CLOSED -> tally.leak(board, boardOffset, value, keep.iova + offset);
            default -> {
                // The device's own, or nothing.
            }
        }
        return value;
    }

    /** Uses what earlier sections resolved: the generation says that it still holds. */
    private void exploitHeld() {
        for (Held keep : held) {
            if (keep.generation == generation) {
                tally.held++;
                use(keep);
            }
        }
    }

    /** Stays inside for a while and touches on, whatever the driver does meanwhile. */
    private void holdOn() {
        long start = System.nanoTime();
        do {
            exploitHeld();
        } while (System.nanoTime() - start < HOLD_NANOS);
    }

    /** Each page of the IOVA space; in one section, so that nothing changes meanwhile. */
    private void sweep() {
        for (int page = 0; page < iovaPages; page += Long.SIZE) {
            long readable = 0;
            long writable = 0;
            for (int bit = 0; bit < Long.SIZE && page + bit < iovaPages; bit++) {
                long iova = (long) (page + bit) * PAGE_BYTES;
                long refused = tally.refused;
                tryAccess(iova, Access.READ);
                readable |= isBoard(iova) || tally.refused > refused ? 0 : 1L << bit;
                refused = tally.refused;
                tryAccess(iova, Access.WRITE);
                writable |= isBoard(iova) || tally.refused > refused ? 0 : 1L << bit;
            }
            long word = boardOffset + (long) page / Byte.SIZE;
            Marks.set(board, word + BoardDescriptor.READABLE_OFFSET, readable);
            Marks.set(board, word + BoardDescriptor.WRITABLE_OFFSET, writable);
        }
    }
}
