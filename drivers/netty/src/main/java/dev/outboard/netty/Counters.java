package dev.outboard.netty;

import java.util.concurrent.atomic.LongAdder;

/** What became of frames that reached no channel, and of datagrams that left none. Any thread. */
final class Counters {
    /** For somebody else, or of a protocol that is not spoken. */
    final LongAdder foreign = new LongAdder();

    /** Not whole: too short, a wrong sum, lengths that contradict each other. */
    final LongAdder malformed = new LongAdder();

    /** Pieces of a packet, which are refused. */
    final LongAdder fragments = new LongAdder();

    /** For a port that nobody has. */
    final LongAdder unclaimed = new LongAdder();

    /** A channel did not read in time. */
    final LongAdder overrun = new LongAdder();

    /** The neighbour that they were to be handed to did not answer. */
    final LongAdder unreachable = new LongAdder();

    /** An answer of the stack's own found no buffer. */
    final LongAdder unanswered = new LongAdder();
}
