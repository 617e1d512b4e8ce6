package dev.outboard.models.pci;

import dev.outboard.backend.loop.AttachGate;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.dma.BusMaster;
import dev.outboard.dma.ClientBusMaster;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.UnixSocket;
import dev.outboard.uio.vfiouser.VfioUserDevice;
import dev.outboard.uio.vfiouser.VfioUserException;
import dev.outboard.uio.vfiouser.VfioUserSession;
import java.util.concurrent.TimeUnit;

/**
 * One client of a function, and everything that goes when it goes: its events, its memory, the
 * attachment to an IOMMU. The loop's thread.
 */
final class PciSession implements VfioUserDevice, AutoCloseable {
    private static final long TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final long ATTACH_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final EventDescriptor[] NOBODY = {};

    private final DeviceLoop loop;
    private final PciPortSettings settings;
    private final AttachGate gate;
    private final PciModel model;
    private final PciIdentification identity;
    private final PciConfiguration configuration;
    private final byte[] vectorTable;
    private final UnixSocket socket;
    private final VfioUserSession protocol;
    private final int socketToken;
    private final ClientBusMaster clientMemory;
    private IommuAttachment attachment;
    private int attachmentToken;

    /** What DMA goes through; null while the function may not. */
    private BusMaster bus;

    private final EventDescriptor[][] events = {NOBODY, NOBODY, NOBODY};

    /** The events of the kind that is used: MSI-X before MSI before the line. */
    private EventDescriptor[] used = NOBODY;

    private String failure;

    /** When the client asked for something last. */
    private long askedNanos = System.nanoTime();

    /** Takes ownership of the socket. */
    PciSession(
            DeviceLoop loop,
            PciPortSettings settings,
            AttachGate gate,
            PciModel model,
            UnixSocket socket) {
        this.loop = loop;
        this.settings = settings;
        this.gate = gate;
        this.model = model;
        this.socket = socket;
        identity = model.identification();
        configuration = new PciConfiguration(model);
        vectorTable = new byte[(int) PciConfiguration.msixBytes(identity)];
        protocol = new VfioUserSession(socket, this, TIMEOUT_NANOS);
        clientMemory = new ClientBusMaster(protocol);
        socketToken =
                loop.watch(
                        protocol.descriptor(), Epoll.READABLE | Epoll.HANG_UP, events -> serve());
    }

    private void serve() {
        if (failure != null) {
            return;
        }
        askedNanos = System.nanoTime();
        try {
            protocol.receive();
        } catch (PeerGoneException | PeerTimeoutException | VfioUserException end) {
            fail(end.getMessage());
        }
    }

    /** Serves what came while the client was asked for memory. */
    void serveWaiting() {
        if (protocol.hasWaiting()) {
            serve();
        }
    }

    boolean hasWaiting() {
        return protocol.hasWaiting();
    }

    /** When the client asked for something last, by message. */
    long askedNanos() {
        return askedNanos;
    }

    boolean isClientGone() {
        return socket.isPeerGone();
    }

    /** Whether a client or an owner can be to blame for it. */
    boolean isExpected(RuntimeException thrown) {
        return thrown instanceof PeerGoneException
                || thrown instanceof PeerTimeoutException
                || thrown instanceof VfioUserException;
    }

    /** The session is to end; the first reason counts. */
    void fail(String reason) {
        if (failure == null) {
            failure = reason;
        }
        bus = null;
    }

    String failure() {
        return failure;
    }

    BusMaster bus() {
        return bus;
    }

    /** Ends the DMA section as it is, if one is open, and all DMA. */
    void abandon() {
        bus = null;
        clientMemory.close();
        if (attachment != null) {
            attachment.exit();
        }
    }

    void interrupt(int vector) {
        EventDescriptor[] now = used;
        if (vector < now.length && now[vector] != null) {
            now[vector].signal();
        }
    }

    /** The driver allows DMA, or takes that back. */
    private void allowDma(boolean isAllowed) {
        if (!isAllowed || failure != null) {
            bus = null;
        } else if (bus == null) {
            if (settings.iommu() != null && attachment == null) {
                attach();
            }
            bus = attachment == null ? clientMemory : attachment;
        }
    }

    private void attach() {
        long began = System.nanoTime();
        long shutNanos = gate.shutNanos(began);
        if (shutNanos > 0) {
            throw new VfioUserException(
                    "the IOMMU at %s did not answer a moment ago: try again in %d ms"
                            .formatted(
                                    settings.iommu(),
                                    1 + TimeUnit.NANOSECONDS.toMillis(shutNanos)));
        }
        try {
            attachment =
                    IommuAttachment.connect(
                            settings.iommu(), settings.name(), ATTACH_LIMIT_NANOS, null);
        } catch (RuntimeException none) {
            gate.failed(began, System.nanoTime());
            throw new VfioUserException(
                    "DMA was allowed, and the IOMMU at %s has nothing for %s: %s"
                            .formatted(settings.iommu(), settings.name(), none.getMessage()));
        }
        attachmentToken =
                loop.watch(
                        attachment.descriptor(),
                        Epoll.READABLE | Epoll.HANG_UP,
                        events -> onOwner((events & Epoll.READABLE) != 0));
    }

    /** The owner gives memory, takes some away, or is gone. */
    private void onOwner(boolean isReadable) {
        try {
            if (isReadable) {
                attachment.receive();
            } else {
                fail("the owner of its IOMMU is gone");
            }
        } catch (PeerGoneException gone) {
            fail("the owner of its IOMMU is gone");
        } catch (IllegalArgumentException wrong) {
            fail("the owner of its IOMMU broke the protocol: " + wrong.getMessage());
        }
    }

    @Override
    public long regionBytes(int region) {
        if (region == CONFIGURATION) {
            return PciConfiguration.LENGTH_BYTES;
        }
        return region < CONFIGURATION - 1 ? model.regionBytes(region) : 0;
    }

    @Override
    public Shared shared(int region) {
        return region < CONFIGURATION - 1 ? model.shared(region) : null;
    }

    @Override
    public int vectors(int kind) {
        return switch (kind) {
            case INTX -> 1;
            case MSI -> identity.msiVectors();
            default -> identity.msixVectors();
        };
    }

    @Override
    public long read(int region, long offset, int bytes) {
        if (region == CONFIGURATION) {
            return configuration.read((int) offset, bytes);
        }
        if (region != identity.msixRegion()) {
            return model.read(region, offset, bytes);
        }
        long value = 0;
        for (int at = 0; at < bytes && offset + at < vectorTable.length; at++) {
            value |= (vectorTable[(int) offset + at] & 0xffL) << at * Byte.SIZE;
        }
        return value;
    }

    @Override
    public void write(int region, long offset, int bytes, long value) {
        if (region == CONFIGURATION) {
            configuration.write((int) offset, bytes, value);
            allowDma(configuration.isBusMaster());
        } else if (region != identity.msixRegion()) {
            model.write(region, offset, bytes, value);
        } else {
            for (int at = 0; at < bytes && offset + at < vectorTable.length; at++) {
                vectorTable[(int) offset + at] = (byte) (value >>> at * Byte.SIZE);
            }
        }
    }

    @Override
    public void signal(int kind, EventDescriptor[] now) {
        events[kind] = now;
        used = NOBODY;
        for (EventDescriptor[] some : events) {
            if (some.length > 0) {
                used = some;
            }
        }
    }

    @Override
    public void reset() {
        model.reset();
        configuration.reset();
        allowDma(false);
    }

    /** Lets go of everything; DMA has ended. */
    @Override
    public void close() {
        loop.unwatch(protocol.descriptor(), socketToken);
        if (attachment != null) {
            loop.unwatch(attachment.descriptor(), attachmentToken);
            attachment.close();
        }
        protocol.close();
    }
}
