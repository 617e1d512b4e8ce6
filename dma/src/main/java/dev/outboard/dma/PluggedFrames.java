package dev.outboard.dma;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Which page frames are plugged, in contiguous pieces: looked up without a lock while one thread
 * plugs and unplugs.
 */
final class PluggedFrames {
    private volatile Pieces pieces = new Pieces(new long[0], new long[0]);

    /** Rising, disjoint; never changed, replaced. */
    private record Pieces(long[] firsts, long[] ends) {}

    /** Whether these frames, at least one, are all of one piece. */
    boolean contains(long firstFrame, long lastFrame) {
        Pieces now = pieces;
        int index = Arrays.binarySearch(now.firsts, firstFrame);
        int piece = index >= 0 ? index : -index - 2;
        return piece >= 0 && lastFrame >= firstFrame && lastFrame < now.ends[piece];
    }

    /** The frames after {@code from} up to the end of its piece; none if it is not plugged. */
    FrameRange pieceAt(long from) {
        Pieces now = pieces;
        int index = Arrays.binarySearch(now.firsts, from);
        int piece = index >= 0 ? index : -index - 2;
        return piece >= 0 && from < now.ends[piece] ? new FrameRange(from, now.ends[piece]) : null;
    }

    /** How many pieces lie in a range, whole or in part. */
    int piecesIn(FrameRange range) {
        Pieces now = pieces;
        int found = 0;
        for (int piece = 0; piece < now.firsts.length; piece++) {
            if (range.overlaps(now.firsts[piece], now.ends[piece] - now.firsts[piece])) {
                found++;
            }
        }
        return found;
    }

    /** One thread: these frames come; none of them was plugged. */
    void plug(FrameRange range) {
        List<FrameRange> all = all();
        all.add(range);
        all.sort((one, other) -> Long.compare(one.first(), other.first()));
        set(all);
    }

    /** One thread: these frames, of one piece, go. */
    void unplug(FrameRange range) {
        List<FrameRange> left = new ArrayList<>();
        for (FrameRange piece : all()) {
            if (piece.overlaps(range.first(), range.frames())) {
                if (piece.first() < range.first()) {
                    left.add(new FrameRange(piece.first(), range.first()));
                }
                if (range.end() < piece.end()) {
                    left.add(new FrameRange(range.end(), piece.end()));
                }
            } else {
                left.add(piece);
            }
        }
        set(left);
    }

    /** One thread: frames that went come back, between neighbours that may have stayed. */
    void join(FrameRange range) {
        long first = range.first();
        long end = range.end();
        List<FrameRange> all = new ArrayList<>();
        for (FrameRange piece : all()) {
            if (piece.end() == first) {
                first = piece.first();
            } else if (piece.first() == end) {
                end = piece.end();
            } else {
                all.add(piece);
            }
        }
        all.add(new FrameRange(first, end));
        all.sort((one, other) -> Long.compare(one.first(), other.first()));
        set(all);
    }

    private List<FrameRange> all() {
        Pieces now = pieces;
        List<FrameRange> all = new ArrayList<>();
        for (int piece = 0; piece < now.firsts.length; piece++) {
            all.add(new FrameRange(now.firsts[piece], now.ends[piece]));
        }
        return all;
    }

    private void set(List<FrameRange> all) {
        pieces =
                new Pieces(
                        all.stream().mapToLong(FrameRange::first).toArray(),
                        all.stream().mapToLong(FrameRange::end).toArray());
    }
}
