package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;

/**
 * What it means for the mappings of a service that memory comes and goes: which of them name frames
 * that are to go, and how they are taken away under a driver that works with others.
 *
 * <p>Whoever plugs and unplugs calls, from any thread, one change at a time; each change has the
 * service alone ({@link ServiceGate}), under this object's lock, which keeps out who grants. A
 * strategy says how in a few methods: {@link #visit}, {@link #clearIn} and their kin.
 */
abstract class RevocableMappings extends RunPlacer implements FrameHolder {
    /** Coherent memory that is not closed yet. */
    final List<CoherentRun> coherent = new ArrayList<>();

    /** Whether everything is unmapped for good. */
    boolean closed;

    /** Whose it is, for errors and reports. */
    private volatile String owner = "a domain";

    /** Where coherent memory is mapped, and which frames it is. */
    record CoherentRun(long page, int pages, long firstFrame) {}

    RevocableMappings(PhysicalMemory memory, Translations translations) {
        super(memory, translations);
    }

    // What a strategy says of its mappings.

    /**
     * Shows the mappings of these frames, but for coherent memory: those that somebody uses.
     * Without being alone, what changes meanwhile may be shown or not, and nothing fails.
     */
    abstract void visit(FrameRange range, MappingVisitor visitor);

    /** Alone: names what else there is of these frames. */
    void nameMore(FrameRange range, MemoryUse use) {}

    /** {@link #visit} of whatever a device can reach, used or not. */
    void visitReachable(FrameRange range, MappingVisitor visitor) {
        visit(range, visitor);
    }

    /**
     * Alone: clears every mapping of these frames, so that none is found again; the flush comes
     * after. What is unmapped later is accepted.
     */
    abstract void clearIn(FrameRange range);

    /** Alone, after {@link #clearIn} and the flush. */
    void clearedIn(FrameRange range) {}

    /**
     * Alone: takes back what is kept in these frames and nobody uses.
     *
     * @throws IllegalStateException if the strategy has all of a segment or nothing
     */
    void drainIn(FrameRange range, boolean whole) {}

    /** How the strategy unmaps. */
    public abstract Strategy strategy();

    // The service.

    /** Says whose it is. */
    final void name(String whose) {
        owner = whose;
    }

    final String owner() {
        return owner;
    }

    /** Its strategy, and whose it is. */
    final String title() {
        return strategy().name().toLowerCase(Locale.ROOT).replace('_', '-') + " of " + owner;
    }

    /** Does something alone, unless everything is unmapped for good. */
    private void aloneIfOpen(Runnable what) {
        alone(
                () -> {
                    synchronized (this) {
                        if (!closed) {
                            what.run();
                        }
                    }
                });
    }

    @Override
    public void offer(ReturnedFrames frames) {
        // A mapping ends with its unmap.
    }

    @Override
    public final void drain(FrameRange going, boolean whole) {
        aloneIfOpen(() -> drainIn(going, whole));
    }

    @Override
    public final void name(FrameRange going, MemoryUse use) {
        aloneIfOpen(
                () -> {
                    visit(going, namer(use));
                    visitCoherent(going, namer(use));
                    nameMore(going, use);
                });
    }

    /** Names each mapping once, though it be shown in parts. */
    private MappingVisitor namer(MemoryUse use) {
        long[] last = {-1};
        return (page, pages, firstFrame, frames) -> {
            if (page != last[0]) {
                last[0] = page;
                use.mapping(title(), page << IoPage.SHIFT, (long) pages << IoPage.SHIFT);
            }
        };
    }

    private void visitCoherent(FrameRange range, MappingVisitor visitor) {
        for (CoherentRun run : coherent) {
            if (range.overlaps(run.firstFrame, run.pages)
                    && translations.frame(run.page) != Translations.NO_FRAME) {
                visitor.mapping(run.page, run.pages, run.firstFrame, run.pages);
            }
        }
    }

    @Override
    public final void forget(FrameRange going) {
        revoke(going);
    }

    @Override
    public final void revoke(FrameRange going) {
        aloneIfOpen(
                () -> {
                    clearIn(going);
                    visitCoherent(
                            going,
                            (page, pages, firstFrame, frames) -> translations.clear(page, pages));
                    flushAll();
                    clearedIn(going);
                });
    }

    @Override
    public final void mark(FrameRange range, BitSet mapped) {
        MappingVisitor marker =
                (page, pages, firstFrame, frames) -> {
                    long from = Math.max(firstFrame, range.first());
                    long to = Math.min(firstFrame + frames, range.end());
                    if (from < to) {
                        mapped.set((int) (from - range.first()), (int) (to - range.first()));
                    }
                };
        synchronized (this) {
            // Under the lock that closing takes: what is closed has no translations to look at.
            if (!closed) {
                visitReachable(range, marker);
                visitCoherent(range, marker);
            }
        }
    }
}
