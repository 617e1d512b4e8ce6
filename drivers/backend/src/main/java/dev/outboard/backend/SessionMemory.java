package dev.outboard.backend;

import dev.outboard.backend.loop.AttachGate;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.dma.AskingBusMaster;
import dev.outboard.dma.BusMaster;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.dma.MemoryTable;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.vhost.BackEndRequests;
import dev.outboard.uio.vhost.IotlbMessage;
import dev.outboard.uio.vhost.MemoryRegion;
import dev.outboard.uio.vhost.VhostProtocolException;
import java.util.List;
import java.util.function.Consumer;

/**
 * What a session's device can reach: nothing at first, then the regions that the driver gives, or
 * what the owner of an IOMMU maps, or of the driver's regions what the driver translates when it is
 * asked. The loop's thread.
 */
final class SessionMemory implements AskingBusMaster.Asker, AutoCloseable {
    /** How long a translation is awaited until the access is a fault. */
    private static final long ANSWER_LIMIT_NANOS = 1_000_000_000;

    /** The number of a question that wants no answer. */
    private static final long NEVER_ANSWERED = Long.MAX_VALUE;

    private static final long NANOS_A_MILLI = 1_000_000;
    private static final String OWNER_GONE = "the owner of its IOMMU is gone";

    private final DeviceLoop loop;
    private final PortSettings settings;
    private final RegionListener listener;
    private final AttachGate gate;
    private final Consumer<String> onLost;
    private final BackEndRequests.Answers answers = this::answered;
    private BusMaster bus;
    private IommuAttachment attachment;
    private int attachmentToken;
    private RegionGuard guard;

    /** What {@link #bus} stands on, unless an owner gives the memory. */
    private MemoryTable table;

    private AskingBusMaster asking;
    private boolean toBeAsked;
    private boolean answersPromised;
    private BackEndRequests channel;
    private int channelToken;

    /**
     * @param listener hears of the driver's regions
     * @param gate the port's, for all its sessions
     * @param onLost is told, with the reason, when memory goes away of itself
     */
    SessionMemory(
            DeviceLoop loop,
            PortSettings settings,
            RegionListener listener,
            AttachGate gate,
            Consumer<String> onLost) {
        this.listener = listener;
        this.loop = loop;
        this.settings = settings;
        this.gate = gate;
        this.onLost = onLost;
    }

    /** How to reach it, or null. */
    BusMaster bus() {
        return bus;
    }

    /** Whether the owner of an IOMMU gives the memory. */
    boolean isAttached() {
        return attachment != null;
    }

    /** Whether an IOMMU stands between, an owner's or the driver's. */
    boolean isTranslated() {
        return attachment != null || toBeAsked;
    }

    /** Whether translations are asked for. */
    boolean isAsking() {
        return toBeAsked;
    }

    /** Whether there is a channel to ask on. */
    boolean canAsk() {
        return channel != null;
    }

    /** Changes when what was awaited has come, or will not. */
    long changes() {
        return asking == null ? 0 : asking.changes();
    }

    /** Sees to translations that could not be asked for, or did not come. */
    void tend(long nowNanos) {
        if (asking != null) {
            asking.tend(nowNanos);
        }
    }

    /** In how long {@link #tend} has something to do, or {@link DeviceLoop#FOREVER}. */
    long leftNanos(long nowNanos) {
        return asking == null ? DeviceLoop.FOREVER : asking.leftNanos(nowNanos);
    }

    /** Queues were stopped: nobody comes back for what is awaited. */
    void forgetMisses() {
        if (asking != null) {
            asking.forgetMisses();
        }
    }

    /** From now on the driver is asked what its addresses mean, or not any more. */
    void ask(boolean ask) {
        toBeAsked = ask;
        if (bus != null) {
            // Whoever changes the kind of addresses gives the memory that they are in anew.
            close(false);
        }
    }

    /** Whether the driver answers questions that want an answer. */
    void answersPromised(boolean promised) {
        answersPromised = promised;
    }

    /** Asks on this channel from now on; owns it. */
    void channel(BackEndRequests newChannel) {
        closeChannel();
        channel = newChannel;
        channelToken =
                loop.watch(
                        newChannel.descriptor(),
                        Epoll.READABLE | Epoll.HANG_UP,
                        events -> onAnswers());
        if (asking != null) {
            asking.forgetMisses();
        }
    }

    /** Tells that the configuration has changed; false when there is nobody to tell. */
    boolean configChanged() {
        return channel != null && channel.configChanged();
    }

    private void onAnswers() {
        if (channel.onReadable(answers)) {
            return;
        }
        if (!channel.isPeerGone()) {
            onLost.accept(channel.reason());
        }
        // A front-end that goes closes one connection after the other: the other one tells.
        closeChannel();
    }

    private void answered(long question, boolean given) {
        if (asking != null) {
            asking.answered(question, given);
        }
    }

    private void closeChannel() {
        if (channel != null) {
            loop.unwatch(channel.descriptor(), channelToken);
            channel.close();
            channel = null;
        }
    }

    @Override
    public long ask(long iova, int access) {
        if (channel == null) {
            return BackEndRequests.NOT_ASKED;
        }
        if (answersPromised) {
            return channel.missedAnswerWanted(iova, access);
        }
        return channel.missed(iova, access) ? NEVER_ANSWERED : BackEndRequests.NOT_ASKED;
    }

    @Override
    public void failed(long iova, int access) {
        if (channel != null) {
            channel.accessFailed(iova, access);
        }
    }

    /**
     * Learns or forgets a translation.
     *
     * @throws VhostProtocolException when that is not possible
     */
    void obey(IotlbMessage told) {
        if (asking == null) {
            throw new VhostProtocolException(
                    toBeAsked
                            ? "a translation, and no memory table was given: " + told
                            : "a translation, and nobody asks: " + told);
        }
        try {
            asking.obey(told);
        } catch (IllegalArgumentException e) {
            throw new VhostProtocolException("a translation is refused: " + e.getMessage(), e);
        }
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
        close(false);
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
        MemoryTable newTable;
        try {
            regions.forEach(newGuard::guard);
            newTable = MemoryTable.of(regions);
        } catch (RuntimeException e) {
            newGuard.close();
            regions.forEach(region -> region.descriptor().close());
            throw new VhostProtocolException("the memory table is refused: " + e.getMessage(), e);
        }
        close(false);
        table = newTable;
        if (toBeAsked) {
            asking = new AskingBusMaster(table, this, ANSWER_LIMIT_NANOS, settings.asked());
            bus = asking;
        } else {
            bus = table;
        }
        guard = newGuard;
        regions.forEach(this::tell);
    }

    private void tell(MemoryRegion region) {
        listener.came(region, guard.file(region), table.memory(region));
    }

    /**
     * Maps one more region of the driver, beside what there is; outside of DMA sections. Owns its
     * descriptor from now on.
     *
     * @throws VhostProtocolException when it cannot be mapped; nothing is changed
     */
    void add(MemoryRegion region) {
        if (bus == null) {
            // Who adds regions need not have given a table.
            map(List.of());
        }
        try {
            guard.guard(region);
            table.add(region);
        } catch (RuntimeException e) {
            guard.forget(region);
            throw new VhostProtocolException("a region of memory is refused: " + e.getMessage(), e);
        } finally {
            region.descriptor().close();
        }
        tell(region);
    }

    /**
     * Gives a region back to the driver, which may then use it for anything; outside of DMA
     * sections.
     *
     * @throws VhostProtocolException when there is no such region; nothing is changed
     */
    void remove(MemoryRegion region) {
        if (table == null) {
            throw new VhostProtocolException("no memory was given, and some is to go: " + region);
        }
        listener.going(region);
        try {
            if (asking == null) {
                table.remove(region);
            } else {
                asking.remove(region);
            }
        } catch (IllegalArgumentException e) {
            throw new VhostProtocolException("a region of memory cannot go: " + e.getMessage(), e);
        }
        guard.forget(region);
    }

    /** Lets go of all memory, and of the channel. */
    @Override
    public void close() {
        close(true);
    }

    private void close(boolean channelToo) {
        if (channelToo) {
            closeChannel();
        }
        if (guard != null) {
            guard.regions().forEach(listener::going);
        }
        asking = null;
        table = null;
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
