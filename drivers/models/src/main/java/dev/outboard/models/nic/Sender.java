package dev.outboard.models.nic;

import dev.outboard.backend.DeviceQueue;

/** One transmit queue of a port, and what became of its next frame so far. The loop's thread. */
final class Sender {
    final SwitchPort port;
    final int pair;
    private final int queue;
    private boolean blocked;

    /** Bits of ports that have the frame at hand, which is for several. */
    private long reached;

    Sender(SwitchPort port, int pair, int queue) {
        this.port = port;
        this.pair = pair;
        this.queue = queue;
    }

    /** Where frames of the driver come from; its session is there. */
    DeviceQueue queue() {
        return port.session().vring(queue).queue();
    }

    /** Whether there may be frames which can be taken now; the port's session is there. */
    boolean isReady() {
        return port.session().isReady(queue);
    }

    /** Asks for the doorbell; whether there are frames already. */
    boolean askForDoorbell() {
        return port.session().askForDoorbell(queue);
    }

    /** Whether another port has the frame at hand already. */
    boolean hasReached(SwitchPort other) {
        return (reached & 1L << other.index) != 0;
    }

    /** Another port has the frame at hand, or shall not have it. */
    void reached(SwitchPort other) {
        reached |= 1L << other.index;
    }

    /** The frame at hand is done. */
    void nextFrame() {
        reached = 0;
    }

    /** Whether the next frame waits for its receiver. */
    boolean isBlocked() {
        return blocked;
    }

    void block() {
        blocked = true;
    }

    void unblock() {
        blocked = false;
    }

    /** Another driver, or none. */
    void reset() {
        blocked = false;
        reached = 0;
    }
}
