package dev.outboard.dma.segment;

/**
 * The segment of each handle that is valid: a tree over the bits of a handle, six to a level, whose
 * lowest nodes hold only what is there.
 *
 * <p>Immutable: a change copies the path to it. Looking up allocates nothing.
 */
final class HandleTable {
    static final HandleTable NONE = new HandleTable(new Object[1], 0);

    private static final int BITS = 6;
    private static final int FAN_OUT = 1 << BITS;
    private static final int MASK = FAN_OUT - 1;
    private static final Segment[] NO_SEGMENTS = {};
    private static final Row EMPTY_ROW = new Row(0, NO_SEGMENTS);

    /** Nodes above rows: arrays of arrays, {@code levels} deep, then a row. */
    private final Object[] root;

    private final int levels;

    /** Segments whose handles differ in the lowest bits alone: bit n, a segment that ends in n. */
    private record Row(long present, Segment[] segments) {
        private int rank(int at) {
            return Long.bitCount(present & (1L << at) - 1);
        }

        private boolean has(int at) {
            return (present >>> at & 1) != 0;
        }

        private Row with(int at, Segment segment) {
            int rank = rank(at);
            int tail = rank + (has(at) ? 1 : 0);
            var more = new Segment[rank + 1 + segments.length - tail];
            System.arraycopy(segments, 0, more, 0, rank);
            more[rank] = segment;
            System.arraycopy(segments, tail, more, rank + 1, segments.length - tail);
            return new Row(present | 1L << at, more);
        }

        /** Without it, or null if nothing is left. */
        private Row without(int at) {
            if (segments.length == 1) {
                return null;
            }
            int rank = rank(at);
            var fewer = new Segment[segments.length - 1];
            System.arraycopy(segments, 0, fewer, 0, rank);
            System.arraycopy(segments, rank + 1, fewer, rank, fewer.length - rank);
            return new Row(present & ~(1L << at), fewer);
        }
    }

    private HandleTable(Object[] root, int levels) {
        this.root = root;
        this.levels = levels;
    }

    /** The segment, or null; any number will do. */
    Segment get(long handle) {
        long key = handle >>> BITS;
        if (handle < 0 || key >>> BITS * levels != 0) {
            return null;
        }
        Object node = root[levels == 0 ? 0 : index(key, levels - 1)];
        for (int level = levels - 2; level >= 0 && node != null; level--) {
            node = ((Object[]) node)[index(key, level)];
        }
        if (node == null) {
            return null;
        }
        var row = (Row) node;
        int at = (int) handle & MASK;
        return row.has(at) ? row.segments[row.rank(at)] : null;
    }

    private static int index(long key, int level) {
        return (int) (key >>> BITS * level) & MASK;
    }

    /** With this version of the segment. */
    HandleTable with(Segment segment) {
        var table = this;
        while (segment.handle() >>> BITS >>> BITS * table.levels != 0) {
            table = table.higher();
        }
        return table.changed(segment.handle(), segment);
    }

    /** Without the segment, which is there. */
    HandleTable without(long handle) {
        return changed(handle, null);
    }

    private HandleTable higher() {
        var above = new Object[FAN_OUT];
        above[0] = levels == 0 ? root[0] : isEmpty(root) ? null : root;
        return new HandleTable(above, levels + 1);
    }

    private HandleTable changed(long handle, Segment segment) {
        if (levels == 0) {
            return new HandleTable(new Object[] {row(root[0], handle, segment)}, 0);
        }
        var copy = (Object[]) changed(root, levels - 1, handle, segment);
        return copy == null ? NONE : new HandleTable(copy, levels);
    }

    /** The node, changed; null if nothing is left in it. */
    private static Object changed(Object node, int level, long handle, Segment segment) {
        var copy = node == null ? new Object[FAN_OUT] : ((Object[]) node).clone();
        int at = index(handle >>> BITS, level);
        copy[at] =
                level == 0
                        ? row(copy[at], handle, segment)
                        : changed(copy[at], level - 1, handle, segment);
        return copy[at] == null && isEmpty(copy) ? null : copy;
    }

    private static boolean isEmpty(Object[] node) {
        for (var child : node) {
            if (child != null) {
                return false;
            }
        }
        return true;
    }

    private static Row row(Object present, long handle, Segment segment) {
        var row = present == null ? EMPTY_ROW : (Row) present;
        int at = (int) handle & MASK;
        return segment == null ? row.without(at) : row.with(at, segment);
    }
}
