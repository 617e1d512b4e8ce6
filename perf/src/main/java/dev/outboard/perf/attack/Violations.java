package dev.outboard.perf.attack;

import java.util.ArrayList;
import java.util.List;

/** What happened that may never happen: counted, and the first of it told. One thread. */
final class Violations {
    private static final int TOLD = 8;

    private final List<String> first = new ArrayList<>();
    private long changed;
    private long reached;
    private long reused;
    private long misled;

    /** A byte changed that the device could not reach. */
    void changed(int page, long expected, long found) {
        changed++;
        tell(
                "page=%d was written outside its window: expected=0x%x found=0x%x"
                        .formatted(page, expected, found));
    }

    /** A page of IOVA let something through that it should not. */
    void reached(long iova, String access) {
        reached++;
        tell("iova=0x%x lets the device %s outside the window".formatted(iova, access));
    }

    /** More stale pages are open at once than stated. */
    void tooMany(long open, long stated) {
        reached += open - stated;
        tell("stale pages=%d are open at once, stated=%d".formatted(open, stated));
    }

    /** An IOVA came back for other memory, without a flush between. */
    void reused(long iova) {
        reused++;
        tell("iova=0x%x was used again before a flush".formatted(iova));
    }

    /** An access that was let through went elsewhere. */
    void misled(long iova, long expected, long found) {
        misled++;
        tell("iova=0x%x led elsewhere: expected=0x%x found=0x%x".formatted(iova, expected, found));
    }

    /** A secret that the device read. */
    void leaked(long iova, long secret) {
        tell("iova=0x%x showed the secret 0x%x".formatted(iova, secret));
    }

    private void tell(String what) {
        if (first.size() < TOLD) {
            first.add(what);
        }
    }

    long changed() {
        return changed;
    }

    long reached() {
        return reached;
    }

    long reused() {
        return reused;
    }

    long misled() {
        return misled;
    }

    /** The first few, in words. */
    List<String> first() {
        return List.copyOf(first);
    }
}
