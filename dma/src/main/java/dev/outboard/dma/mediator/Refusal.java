package dev.outboard.dma.mediator;

import dev.outboard.dma.DeviceStuckException;
import dev.outboard.dma.MemoryInUseException;
import dev.outboard.dma.OutOfDmaMemoryException;
import dev.outboard.dma.QuotaExceededException;

/**
 * Why a message was refused, as one exception on either side of the socket: the mediator throws it
 * to answer, the client throws what the caller of a local owner would get.
 */
final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Why why;

    /** The kinds of refusals; the order is part of the protocol. */
    enum Why {
        /** It was asked wrongly. */
        ARGUMENT,
        /** It cannot be had now, or not twice. */
        STATE,
        /** A quota is used up. */
        QUOTA,
        /** There is no memory left. */
        MEMORY,
        /** A device does not leave its DMA section. */
        STUCK,
        /** Somebody maps it. */
        IN_USE
    }

    Refusal(Why why, String message) {
        super(message, null, false, false);
        this.why = why;
    }

    ControlMessage message() {
        return ControlMessage.of(ControlMessage.Kind.REFUSED, getMessage(), why.ordinal());
    }

    /** What a client throws for a message REFUSED. */
    static RuntimeException exception(ControlMessage refused) {
        int why = refused.number(0);
        String text = "the mediator refuses: " + refused.text();
        if (why == Why.ARGUMENT.ordinal()) {
            return new IllegalArgumentException(text);
        }
        if (why == Why.QUOTA.ordinal()) {
            return new QuotaExceededException(text);
        }
        if (why == Why.MEMORY.ordinal()) {
            return new OutOfDmaMemoryException(text);
        }
        if (why == Why.STUCK.ordinal()) {
            return new DeviceStuckException(text);
        }
        if (why == Why.IN_USE.ordinal()) {
            return new MemoryInUseException(text);
        }
        return new IllegalStateException(text);
    }
}
