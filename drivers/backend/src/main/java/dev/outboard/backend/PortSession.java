package dev.outboard.backend;

import dev.outboard.backend.loop.AttachGate;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.dma.MemoryTable;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.UnixSocket;
import dev.outboard.uio.vhost.BackEndRequests;
import dev.outboard.uio.vhost.IotlbMessage;
import dev.outboard.uio.vhost.MemoryRegion;
import dev.outboard.uio.vhost.VhostBackEnd;
import dev.outboard.uio.vhost.VhostFeatures;
import dev.outboard.uio.vhost.VhostProtocolException;
import dev.outboard.uio.vhost.VhostSession;
import dev.outboard.virtio.VirtioFeatures;
import java.util.List;

/**
 * One driver's connection to a port: its socket, rings and memory, and everything that must go when
 * it goes. The loop's thread.
 *
 * <p>Nothing in here ends the process: what a driver does wrong is remembered as {@link #failure},
 * and the port then closes the session.
 */
public final class PortSession implements VhostBackEnd, AutoCloseable {
    private static final int QUEUE_ENTRIES_LIMIT = 32768;

    private final DeviceLoop loop;
    private final PortSettings settings;
    private final PortDevice device;
    private final UnixSocket socket;
    private final VhostSession protocol;
    private final int socketToken;
    private final Vring[] vrings;
    private final SessionMemory memory;
    private long features;
    private boolean inside;
    private String failure;

    /** Takes ownership of the socket. */
    public PortSession(
            DeviceLoop loop,
            PortSettings settings,
            PortDevice device,
            AttachGate gate,
            UnixSocket socket) {
        this.loop = loop;
        this.settings = settings;
        this.device = device;
        vrings = new Vring[device.queueCount()];
        for (int i = 0; i < vrings.length; i++) {
            vrings[i] = new Vring(loop, "queue " + i);
        }
        this.socket = socket;
        memory = new SessionMemory(loop, settings, device.regions(), gate, this::fail);
        protocol = new VhostSession(socket, this);
        socketToken =
                loop.watch(
                        protocol.descriptor(), Epoll.READABLE | Epoll.HANG_UP, this::onSocketReady);
    }

    private void onSocketReady(int events) {
        if (failure != null) {
            return;
        }
        // What was sent before a hang-up is handled first; the end of the stream is then told.
        if (!protocol.onReadable()) {
            fail(protocol.reason());
        } else if ((events & Epoll.ERROR) != 0) {
            fail("its socket failed");
        }
    }

    /** The session is to end; the first reason counts. */
    public void fail(String reason) {
        if (failure == null) {
            failure = reason;
        }
    }

    /** Why the session is to end, or null. */
    public String failure() {
        return failure;
    }

    /** Whether the driver's end of the socket is closed. */
    public boolean isDriverGone() {
        return socket.isPeerGone();
    }

    /** Whether this queue is one of the session's. */
    public boolean owns(DeviceQueue queue) {
        for (var vring : vrings) {
            if (vring.queue() == queue) {
                return true;
            }
        }
        return false;
    }

    /** A queue with its state. */
    public Vring vring(int index) {
        return vrings[index];
    }

    /**
     * Tells the driver that the configuration has changed, if it listens; it then reads it again.
     *
     * @return false when it does not, or does not read what it is told
     */
    public boolean configChanged() {
        return memory.configChanged();
    }

    /** What was negotiated; without {@link VhostFeatures#PROTOCOL_FEATURES}. */
    public long acceptedFeatures() {
        return features;
    }

    /** Whether any queue may have work. */
    public boolean isRunning() {
        if (failure == null) {
            for (var vring : vrings) {
                if (vring.isRunning()) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Whether a queue runs whose driver rings no doorbell. */
    public boolean isPolled() {
        for (var vring : vrings) {
            if (vring.isPolled()) {
                return true;
            }
        }
        return false;
    }

    /** Whether a queue may have work that can be done now. */
    public boolean isReady(int queue) {
        return vrings[queue].isReady(memory.changes());
    }

    /** Work on a queue has to wait for a translation: nothing more to do there till one comes. */
    public void await(AwaitedException awaited) {
        for (var vring : vrings) {
            if (vring.queue() == awaited.queue()) {
                vring.await(memory.changes());
            }
        }
    }

    /**
     * Asks for the doorbell of a queue that is ready, within a DMA section.
     *
     * @return whether there is work already
     */
    public boolean askForDoorbell(int queue) {
        try {
            return isReady(queue) && vrings[queue].queue().askForDoorbell();
        } catch (AwaitedException awaited) {
            await(awaited);
            return false;
        }
    }

    /** Whether translations come by messages, which are to be looked for often. */
    public boolean isAsking() {
        return memory.isAsking();
    }

    /** Sees to translations that are awaited. */
    public void tend(long nowNanos) {
        memory.tend(nowNanos);
    }

    /** In how long {@link #tend} has something to do, or {@link DeviceLoop#FOREVER}. */
    public long sleepLimitNanos(long nowNanos) {
        long limit = memory.leftNanos(nowNanos);
        if (!isPolled()) {
            return limit;
        }
        return limit < 0 ? DeviceLoop.LOOK_NANOS : Math.min(limit, DeviceLoop.LOOK_NANOS);
    }

    /** Begins a DMA section, unless inside already; a queue must be running. */
    public void enter() {
        if (!inside) {
            long generation = memory.bus().enter();
            inside = true;
            for (var vring : vrings) {
                vring.queue().begin(generation);
            }
        }
    }

    /**
     * Between two requests of a burst: lets an owner of the IOMMU that flushes go on. What was
     * loaded or resolved before must not be used after.
     */
    public void checkpoint() {
        long generation = memory.bus().checkpoint();
        for (var vring : vrings) {
            vring.queue().begin(generation);
        }
    }

    /** Whether a DMA section is open. */
    public boolean isInside() {
        return inside;
    }

    /**
     * Shows completions, ends the DMA section, and then interrupts.
     *
     * @throws RingException when a ring cannot be reached; the section is over then, too
     */
    public void leave() {
        if (!inside) {
            return;
        }
        try {
            for (var vring : vrings) {
                vring.publish();
            }
        } finally {
            abandon();
        }
        for (var vring : vrings) {
            vring.signal();
        }
    }

    /** Ends the DMA section as it is. */
    public void abandon() {
        if (inside) {
            inside = false;
            memory.bus().exit();
        }
    }

    /** Whether the driver took memory away under the device. */
    public boolean isMemoryTruncated() {
        return memory.isTruncated();
    }

    @Override
    public long features() {
        // Behind an owner's IOMMU, or behind one of the front-end that is asked.
        return device.features() | VirtioFeatures.ACCESS_PLATFORM;
    }

    @Override
    public long protocolFeatures() {
        long own =
                VhostFeatures.PROTOCOL_CONFIG
                        | VhostFeatures.PROTOCOL_MQ
                        | VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS;
        return settings.iommu() == null ? own | VhostFeatures.PROTOCOL_BACKEND_REQ : own;
    }

    @Override
    public int queueCount() {
        return vrings.length;
    }

    @Override
    public int offeredQueueCount() {
        return device.offeredQueueCount();
    }

    @Override
    public void ownerSet() {
        // Nothing to do: whoever is connected is the owner.
    }

    @Override
    public void featuresAccepted(long accepted) {
        long own = accepted & ~VhostFeatures.PROTOCOL_FEATURES;
        if ((own & ~features()) != 0) {
            throw new VhostProtocolException(
                    "features 0x%x were accepted and not offered (0x%x were)"
                            .formatted(own & ~features(), features()));
        }
        if ((own & VirtioFeatures.VERSION_1) == 0) {
            throw new VhostProtocolException(
                    "VIRTIO_F_VERSION_1 was not accepted: this device has no legacy interface");
        }
        boolean translated = (own & VirtioFeatures.ACCESS_PLATFORM) != 0;
        if (translated != memory.isTranslated()) {
            stopAll();
            if (settings.iommu() == null) {
                memory.ask(translated);
            } else if (translated) {
                memory.attach();
            } else {
                memory.close();
            }
        }
        features = own;
    }

    /** Rings do not outlive the kind of their addresses. */
    private void stopAll() {
        abandon();
        for (var vring : vrings) {
            vring.stop();
        }
    }

    @Override
    public void memoryTable(List<MemoryRegion> regions) {
        if (memory.isAttached()) {
            // With an IOMMU every address is an IOVA, and memory is its owner's to give.
            regions.forEach(region -> region.descriptor().close());
            return;
        }
        abandon();
        memory.map(regions);
        try {
            for (var vring : vrings) {
                if (vring.isStarted()) {
                    vring.move(memory.bus());
                }
            }
        } catch (VhostProtocolException e) {
            // The ring stands nowhere now: refusing the request is not enough.
            fail(e.getMessage());
            throw e;
        }
    }

    @Override
    public int memorySlots() {
        return MemoryTable.MAX_REGIONS;
    }

    /** Memory is plugged in while rings run: between two DMA sections. */
    @Override
    public void memoryRegionAdded(MemoryRegion region) {
        if (memory.isAttached()) {
            region.descriptor().close();
            return;
        }
        abandon();
        memory.add(region);
    }

    /**
     * Memory is unplugged while rings run: when the driver has its answer the device knows it no
     * more. A region in which a ring stands is not given up, as the device cannot go on without.
     */
    @Override
    public void memoryRegionRemoved(MemoryRegion region) {
        if (memory.isAttached()) {
            return;
        }
        if (!memory.isAsking()) {
            for (var vring : vrings) {
                vring.requireNotIn(region);
            }
        }
        abandon();
        memory.remove(region);
    }

    @Override
    public void protocolFeaturesAccepted(long accepted) {
        memory.answersPromised((accepted & VhostFeatures.PROTOCOL_REPLY_ACK) != 0);
    }

    @Override
    public void backEndRequests(BackEndRequests channel) {
        if (settings.iommu() != null) {
            channel.close();
            throw new VhostProtocolException("a back-end channel is not offered");
        }
        memory.channel(channel);
    }

    @Override
    public void iotlb(IotlbMessage message) {
        memory.obey(message);
    }

    @Override
    public byte[] config(int offset, int length) {
        byte[] whole = device.config();
        if (offset < 0 || length < 0 || offset > whole.length || length > 256) {
            throw new VhostProtocolException(
                    "configuration has %d bytes: %d at %d were asked for"
                            .formatted(whole.length, length, offset));
        }
        // What is past the end reads as zero: front-ends ask for the largest they know.
        var part = new byte[length];
        System.arraycopy(whole, offset, part, 0, Math.min(length, whole.length - offset));
        return part;
    }

    @Override
    public void configWritten(int offset, byte[] bytes) {
        throw new VhostProtocolException("this device's configuration is read-only");
    }

    private Vring checked(int queue) {
        if (queue < 0 || queue >= vrings.length) {
            throw new VhostProtocolException(
                    "there is no queue %d: the device has %d".formatted(queue, vrings.length));
        }
        return vrings[queue];
    }

    @Override
    public void vringSize(int queue, int entries) {
        boolean odd = Integer.bitCount(entries) != 1 && !DeviceQueue.isPacked(features);
        if (entries < 1 || entries > QUEUE_ENTRIES_LIMIT || odd) {
            throw new VhostProtocolException(
                    "queue %d: entries=%d is not a power of two up to %d"
                            .formatted(queue, entries, QUEUE_ENTRIES_LIMIT));
        }
        checked(queue).size(entries);
    }

    @Override
    public void vringBase(int queue, int index) {
        checked(queue).base(index);
    }

    @Override
    public void vringAddresses(int queue, long descriptors, long used, long available) {
        try {
            checked(queue).addresses(descriptors, used, available, memory.bus());
        } catch (VhostProtocolException e) {
            if (checked(queue).isStarted()) {
                // The ring stands nowhere now: refusing the request is not enough.
                fail(e.getMessage());
            }
            throw e;
        }
    }

    @Override
    public void vringKick(int queue, EventDescriptor kick) {
        var vring = checked(queue);
        if (memory.isAsking() && !memory.canAsk()) {
            if (kick != null) {
                kick.close();
            }
            throw new VhostProtocolException(
                    "VIRTIO_F_ACCESS_PLATFORM was accepted, and no back-end channel was given: this"
                            + " device has to ask for translations");
        }
        vring.start(kick, memory.bus(), features);
    }

    @Override
    public void vringCall(int queue, EventDescriptor call) {
        checked(queue).call(call);
    }

    @Override
    public void vringError(int queue, EventDescriptor error) {
        checked(queue).error(error);
    }

    @Override
    public void vringEnabled(int queue, boolean enabled) {
        checked(queue).enabled(enabled);
    }

    @Override
    public int stopVring(int queue) {
        var vring = checked(queue);
        if (vring.isStarted()) {
            device.stopping(this, queue);
            showCompletions();
        }
        memory.forgetMisses();
        return vring.stop();
    }

    /** A round that another session broke off may have left some behind. */
    private void showCompletions() {
        try {
            enter();
            leave();
        } catch (RingException e) {
            fail(e.getMessage());
        }
    }

    /** Lets go of everything: memory, descriptors, socket. */
    @Override
    public void close() {
        abandon();
        for (var vring : vrings) {
            if (failure != null && vring.isStarted()) {
                vring.signalError();
            }
            vring.close();
        }
        memory.close();
        loop.unwatch(protocol.descriptor(), socketToken);
        protocol.close();
    }
}
