package dev.outboard.dma.mediator;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.mediator.ControlMessage.Kind;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.Resources;
import dev.outboard.uio.UnixSocket;
import java.util.ArrayList;
import java.util.List;

/**
 * What one mapping service of a client has of the mediator: its ring, the doorbell it rings, the
 * socket on which it is woken. Owned by its {@link MediatorTranslations}; closed on its thread.
 */
final class RemoteService implements AutoCloseable {
    private final ControlChannel channel;
    private final RemoteDomain domain;
    private final long id;
    private final Runnable onClose;
    private final Resources owned = new Resources();
    private final RequestRing ring;
    private final EventDescriptor doorbell;
    private final UnixSocket signal;
    private final List<Runnable> beforeClose = new ArrayList<>(2);
    private boolean closed;

    private RemoteService(
            ControlChannel channel,
            RemoteDomain domain,
            ControlChannel.Answer answer,
            Runnable onClose) {
        this.channel = channel;
        this.domain = domain;
        this.onClose = onClose;
        id = answer.message().word(0);
        List<Descriptor> received = answer.descriptors();
        try {
            try (MemoryFile file = MemoryFile.adopt(received.remove(0))) {
                if (!file.isSizeSealed()) {
                    throw new IllegalArgumentException("the request ring could shrink under us");
                }
                Mapping mapping = owned.add(file.map(0, RequestRingDescriptor.LENGTH_BYTES, true));
                ring = new RequestRing(mapping.memory());
            }
            doorbell = owned.add(EventDescriptor.adopt(received.remove(0)));
            signal = owned.add(UnixSocket.adopt(received.remove(0)));
        } catch (RuntimeException failure) {
            owned.closeAfter(failure);
            throw failure;
        } finally {
            answer.closeDescriptors();
        }
    }

    static RemoteService open(
            ControlChannel channel, RemoteDomain domain, long domainId, Runnable onClose) {
        ControlChannel.Answer answer =
                channel.ask(ControlMessage.of(Kind.SERVICE, domainId), Kind.RING, 3);
        return new RemoteService(channel, domain, answer, onClose);
    }

    DomainOptions options() {
        return domain.options();
    }

    RequestRing ring() {
        return ring;
    }

    EventDescriptor doorbell() {
        return doorbell;
    }

    UnixSocket signal() {
        return signal;
    }

    void requireThere() {
        if (channel.isLost()) {
            throw gone();
        }
    }

    PeerGoneException gone() {
        return channel.gone();
    }

    /** What to do before the ring goes: somebody else looks at it. Short. */
    void beforeClose(Runnable action) {
        beforeClose.add(action);
    }

    boolean isClosed() {
        return closed;
    }

    /** Why the mediator refused last, in its own words. */
    String explain(Status status) {
        try {
            return channel.ask(ControlMessage.of(Kind.EXPLAIN, id)).text();
        } catch (PeerGoneException gone) {
            return status.cause() + ": " + status.remedy();
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        beforeClose.forEach(Runnable::run);
        try {
            channel.ask(ControlMessage.of(Kind.END_SERVICE, id));
        } catch (PeerGoneException | IllegalStateException gone) {
            // Then it holds nothing of ours any more.
        } finally {
            owned.close();
            onClose.run();
        }
    }
}
