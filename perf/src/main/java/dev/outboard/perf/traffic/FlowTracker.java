package dev.outboard.perf.traffic;

/**
 * Finds what is missing, late or doubled in numbered frames: the last 64 numbers of each flow are
 * remembered in a bit each, as receivers of IPsec do (RFC 4303, 3.4.3). One thread; nothing
 * allocates after the constructor.
 */
final class FlowTracker {
    private final long[] first;
    private final long[] next;
    private final long[] seen;
    private final long[] distinct;
    private int session = -1;
    private long missingBefore;
    private long distinctBefore;
    private long late;
    private long doubled;

    /** Knows flows of 0 up to {@code flows}. */
    FlowTracker(int flows) {
        first = new long[flows];
        next = new long[flows];
        seen = new long[flows];
        distinct = new long[flows];
    }

    /**
     * A frame came. What a number or a flow says is anybody's: none is trusted, those out of range
     * are left out.
     *
     * @param sessionOf of whoever sent it; another one begins anew
     */
    void accept(int sessionOf, int flow, long number) {
        if (flow < 0 || flow >= next.length || number < 0 || number == Long.MAX_VALUE) {
            return;
        }
        if (sessionOf != session) {
            begin(sessionOf);
        }
        if (distinct[flow] == 0) {
            first[flow] = number;
            next[flow] = number + 1;
            seen[flow] = 1;
            distinct[flow] = 1;
        } else if (number >= next[flow]) {
            long step = number + 1 - next[flow];
            seen[flow] = step < Long.SIZE ? seen[flow] << step | 1 : 1;
            next[flow] = number + 1;
            distinct[flow]++;
        } else {
            behind(flow, number);
        }
    }

    private void behind(int flow, long number) {
        long age = next[flow] - 1 - number;
        long bit = age < Long.SIZE ? 1L << age : 0;
        if ((seen[flow] & bit) != 0) {
            doubled++;
            return;
        }
        late++;
        seen[flow] |= bit;
        // What is older than the first that was seen was sent before anybody listened.
        if (number >= first[flow]) {
            distinct[flow]++;
        }
    }

    private void begin(int sessionOf) {
        missingBefore = missing();
        distinctBefore = distinct();
        java.util.Arrays.fill(distinct, 0);
        session = sessionOf;
    }

    /** Frames between the first and the last of each flow that have not come. */
    long missing() {
        long total = missingBefore;
        for (int flow = 0; flow < next.length; flow++) {
            if (distinct[flow] > 0) {
                total += Math.max(0, next[flow] - first[flow] - distinct[flow]);
            }
        }
        return total;
    }

    /** Frames that came, each once. */
    long distinct() {
        long total = distinctBefore;
        for (long count : distinct) {
            total += count;
        }
        return total;
    }

    /** Frames that came behind a younger one of their flow. */
    long late() {
        return late;
    }

    /** Frames that had come already, as far as 64 numbers back. */
    long doubled() {
        return doubled;
    }
}
