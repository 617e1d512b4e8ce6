package dev.outboard.models;

import dev.outboard.dma.BusMaster;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.dma.MemoryTable;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.vhost.MemoryRegion;
import dev.outboard.uio.vhost.VhostProtocolException;
import java.util.List;
import java.util.function.Consumer;

/**
 * What a session's device can reach: nothing at first, then the regions that the driver gives, or
 * what the owner of an IOMMU maps. The loop's thread.
 */
final class SessionMemory implements AutoCloseable {
    private static final long NANOS_A_MILLI = 1_000_000;
    private static final String OWNER_GONE = "the owner of its IOMMU is gone";

    private final DeviceLoop loop;
    private final PortSettings settings;
    private final AttachGate gate;
    private final Consumer<String> onLost;
    private BusMaster bus;
    private IommuAttachment attachment;
    private int attachmentToken;
    private RegionGuard guard;

    /**
     * @param gate the port's, for all its sessions
     * @param onLost is told, with the reason, when memory goes away of itself
     */
    SessionMemory(
            DeviceLoop loop, PortSettings settings, AttachGate gate, Consumer<String> onLost) {
        this.loop = loop;
        this.settings = settings;
        this.gate = gate;
        this.onLost = onLost;
    }

    /** How to reach it, or null. */
    BusMaster bus() {
        return bus;
    }

    /** Whether an IOMMU stands between. */
    boolean isAttached() {
        return attachment != null;
    }

    /** Whether the driver took memory away under the device. */
    boolean isTruncated() {
        return guard != null && guard.isTruncated();
    }

    /**
     * Attaches to the port's IOMMU, in place of what there was.
     *
     * @throws VhostProtocolException when its owner has nothing for this device
     */
    void attach() {
        long began = System.nanoTime();
        long shutNanos = gate.shutNanos(began);
        if (shutNanos > 0) {
            throw new VhostProtocolException(
                    "the IOMMU at %s did not answer a moment ago: try again in %d ms"
                            .formatted(settings.iommu(), 1 + shutNanos / NANOS_A_MILLI));
        }
        IommuAttachment attached;
        try {
            attached =
                    IommuAttachment.connect(
                            settings.iommu(),
                            settings.name(),
                            settings.attachLimitNanos(),
                            settings.iotlb());
        } catch (RuntimeException e) {
            gate.failed(began, System.nanoTime());
            throw new VhostProtocolException(
                    "ACCESS_PLATFORM was accepted, and the IOMMU at %s has nothing for %s: %s"
                            .formatted(settings.iommu(), settings.name(), e.getMessage()),
                    e);
        }
        close();
        bus = attached;
        attachment = attached;
        attachmentToken =
                loop.watch(
                        attached.descriptor(),
                        Epoll.READABLE | Epoll.HANG_UP,
                        events -> onOwner((events & Epoll.READABLE) != 0));
    }

    /** The owner gives memory, takes some away, or is gone. */
    private void onOwner(boolean readable) {
        if (!readable) {
            onLost.accept(OWNER_GONE);
            return;
        }
        try {
            attachment.receive();
        } catch (PeerGoneException gone) {
            onLost.accept(OWNER_GONE);
        } catch (RuntimeException wrong) {
            // Whatever it was, the owner and we do not know the same memory any more.
            onLost.accept("the owner of its IOMMU broke the protocol: " + wrong.getMessage());
        }
    }

    /**
     * Maps the driver's regions, in place of what there was. Owns their descriptors from now on.
     *
     * @throws VhostProtocolException when they cannot be mapped; what there was is kept
     */
    void map(List<MemoryRegion> regions) {
        var newGuard = new RegionGuard();
        BusMaster table;
        try {
            newGuard.guard(regions);
            table = MemoryTable.of(regions);
        } catch (RuntimeException e) {
            newGuard.close();
            regions.forEach(region -> region.descriptor().close());
            throw new VhostProtocolException("the memory table is refused: " + e.getMessage(), e);
        }
        close();
        bus = table;
        guard = newGuard;
    }

    /** Lets go of all memory. */
    @Override
    public void close() {
        if (attachment != null) {
            loop.unwatch(attachment.descriptor(), attachmentToken);
            attachment = null;
        }
        if (guard != null) {
            guard.close();
            guard = null;
        }
        if (bus != null) {
            bus.close();
            bus = null;
        }
    }
}
