package dev.outboard.dma.mediator;

import dev.outboard.dma.mediator.ControlMessage.Kind;
import dev.outboard.uio.PeerGoneException;

/** Memory of ours that another client's domain may map until this is closed. Any thread. */
public final class MemoryGrant implements AutoCloseable {
    private final ControlChannel channel;
    private final long id;
    private boolean ended;

    MemoryGrant(ControlChannel channel, long id) {
        this.channel = channel;
        this.id = id;
    }

    /**
     * Ends the grant: unmapped from the other's table, and flushed. Twice does no harm.
     *
     * @throws dev.outboard.dma.DeviceStuckException if a device of the other does not leave its DMA
     *     section: the memory may still be reached; try again
     */
    @Override
    public synchronized void close() {
        if (ended) {
            return;
        }
        try {
            channel.ask(ControlMessage.of(Kind.REVOKE, id));
        } catch (PeerGoneException gone) {
            // The mediator has ended, and all grants with it.
        }
        ended = true;
    }
}
