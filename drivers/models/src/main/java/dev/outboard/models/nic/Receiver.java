package dev.outboard.models.nic;

import dev.outboard.backend.AwaitedException;
import dev.outboard.backend.DeviceQueue;

/** One receive queue of a port, and whether senders wait for its buffers. The loop's thread. */
final class Receiver {
    final SwitchPort port;
    private final int queue;

    /** Since when senders wait; only while {@link #isStarved}. */
    long starvedNanos;

    private boolean starved;

    /** Behind the last buffer that there was when there were too few. */
    private int starvedAt;

    Receiver(SwitchPort port, int queue) {
        this.port = port;
        this.queue = queue;
    }

    /** Where frames for the driver go; its session is there. */
    DeviceQueue queue() {
        return port.session().vring(queue).queue();
    }

    /** Whether the driver gives it buffers; the port's session is there. */
    boolean isRunning() {
        return port.session().vring(queue).isRunning();
    }

    /** Whether frames can be given now: it runs, and no translation is awaited. */
    boolean isReady() {
        return port.session().isReady(queue);
    }

    /**
     * Asks for the doorbell of the first buffer behind those that were too few.
     *
     * @return whether there is one already
     */
    boolean askForDoorbell() {
        if (!isReady()) {
            return false;
        }
        DeviceQueue buffers = queue();
        buffers.mark(Delivery.COUNT_MARK);
        try {
            while (buffers.hasNext()) {
                buffers.load();
                buffers.complete(0);
            }
            return buffers.next() != starvedAt || buffers.askForDoorbell();
        } catch (AwaitedException awaited) {
            port.session().await(awaited);
            return false;
        } finally {
            buffers.rewind(Delivery.COUNT_MARK);
        }
    }

    /** Whether senders wait, or have waited in vain, for buffers. */
    boolean isStarved() {
        return starved;
    }

    /**
     * The driver has too few buffers, and somebody wants more.
     *
     * @param at where the next would be
     */
    void starve(int at, long nowNanos) {
        starvedAt = at;
        if (!starved) {
            starved = true;
            starvedNanos = nowNanos;
            port.counters.add(SwitchPort.WAITS, 1);
        }
    }

    /** There are buffers again, or nobody who wants them. */
    void feed() {
        starved = false;
    }
}
