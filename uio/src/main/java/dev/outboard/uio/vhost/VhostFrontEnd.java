package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.UnixSocket;
import java.nio.file.Path;
import java.util.List;

/**
 * The driver's end of a vhost-user connection.
 *
 * <p>The order that every back-end understands: {@link #setOwner()}, {@link #features()}, {@link
 * #protocolFeatures()}, {@link #setProtocolFeatures}, {@link #queueCount()}, {@link #setFeatures},
 * {@link #setMemoryTable}; then for each queue call, size, base, addresses and, last, kick; then
 * {@link #setVringEnabled}. Once REPLY_ACK is negotiated every request is confirmed, and a refusal
 * is told at the call that caused it.
 *
 * <p>Any thread, one request at a time; {@link #feedIotlb} does not wait for the others. The caller
 * sees to the order. Every wait is bounded. Every method but {@link #close()} throws {@link
 * dev.outboard.uio.PeerGoneException} when the back-end has closed or died, {@link
 * dev.outboard.uio.PeerTimeoutException} when it does not answer, and {@link
 * VhostProtocolException} when it refuses or breaks the protocol.
 */
public final class VhostFrontEnd implements AutoCloseable {
    /** A back-end may have to map much memory: never less than this for an answer. */
    private static final long MIN_ANSWER_NANOS = 5_000_000_000L;

    private final FrontEndChannel channel;
    private final ToldMemory memory;
    private volatile long features;
    private volatile long protocolFeatures;

    private VhostFrontEnd(FrontEndChannel channel) {
        this.channel = channel;
        memory = new ToldMemory(this, channel);
    }

    /**
     * Connects to a back-end that listens.
     *
     * @param timeoutNanos how long to wait for it to listen; an answer may take as long, or 5 s
     * @throws dev.outboard.uio.ConnectionRefusedException when nobody does: says what to do
     */
    public static VhostFrontEnd connect(Path socket, long timeoutNanos) {
        UnixSocket connected = UnixSocket.connect(socket, UnixSocket.Kind.STREAM, timeoutNanos);
        return of(connected, socket.toString(), Math.max(timeoutNanos, MIN_ANSWER_NANOS));
    }

    /** Takes ownership of a connected socket, also when this fails. */
    static VhostFrontEnd of(UnixSocket connected, String peer, long answerNanos) {
        try {
            return new VhostFrontEnd(new FrontEndChannel(connected, peer, answerNanos));
        } catch (RuntimeException failed) {
            connected.close();
            throw failed;
        }
    }

    /** What the device offers, {@link VhostFeatures#PROTOCOL_FEATURES} among it. */
    public synchronized long features() {
        return askNumber(Requests.GET_FEATURES);
    }

    /** Chooses of what is offered. Without PROTOCOL_FEATURES, queues start enabled. */
    public synchronized void setFeatures(long chosen) {
        setNumber(Requests.SET_FEATURES, chosen);
        features = chosen;
    }

    /** What protocol the back-end offers; only if it offers PROTOCOL_FEATURES. */
    public synchronized long protocolFeatures() {
        return askNumber(Requests.GET_PROTOCOL_FEATURES);
    }

    /** Chooses of what is offered. With REPLY_ACK every later request is confirmed. */
    public synchronized void setProtocolFeatures(long chosen) {
        setNumber(Requests.SET_PROTOCOL_FEATURES, chosen);
        protocolFeatures = chosen;
    }

    /**
     * How many queues the back-end has; needs MQ. Network back-ends answer <em>pairs</em> of
     * queues.
     */
    public synchronized int queueCount() {
        require(VhostFeatures.PROTOCOL_MQ, "MQ");
        return askCount(Requests.GET_QUEUE_NUM);
    }

    /** How many memory regions the back-end takes: 8, or more with CONFIGURE_MEM_SLOTS. */
    public synchronized int memorySlots() {
        if (!has(VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS)) {
            return PayloadDescriptor.BASELINE_REGIONS;
        }
        return askCount(Requests.GET_MAX_MEM_SLOTS);
    }

    /** Takes the session. */
    public synchronized void setOwner() {
        channel.request(Requests.SET_OWNER, 0);
        send();
    }

    /**
     * Tells the back-end what the driver's memory is: instead of what it was told before.
     *
     * @param regions as many as {@link #memorySlots()}. The descriptors stay the caller's, who
     *     keeps them open as long as the region is told
     * @throws IllegalArgumentException if they are more; nothing was sent
     */
    public synchronized void setMemoryTable(List<MemoryRegion> regions) {
        memory.set(regions);
    }

    /**
     * Plugs in one more region, also while queues run: when this is back the back-end reaches it.
     * With CONFIGURE_MEM_SLOTS it is told of this one, else of the whole table anew, as QEMU does:
     * regions that it has keep their addresses. The descriptor stays the caller's.
     *
     * @throws IllegalArgumentException if it takes no more regions; nothing was sent
     */
    public synchronized void addMemory(MemoryRegion region) {
        memory.add(region);
    }

    /**
     * Unplugs a region that was told before, also while queues run: when this is back the back-end
     * knows it no more. No ring may stand in it, and no buffer that a queue has.
     *
     * @throws IllegalArgumentException if it was never told; nothing was sent
     */
    public synchronized void removeMemory(MemoryRegion region) {
        memory.remove(region);
    }

    /** Whether memory comes and goes one region at a time, not as a whole table. */
    public boolean hasMemorySlots() {
        return has(VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS);
    }

    /**
     * Reads the device's configuration space; needs CONFIG.
     *
     * @throws VhostProtocolException when the device has no such bytes
     */
    public synchronized byte[] readConfig(int offset, int length) {
        require(VhostFeatures.PROTOCOL_CONFIG, "CONFIG");
        requireConfigRange(offset, length);
        int size = PayloadDescriptor.CONFIG_BYTES_OFFSET + length;
        channel.request(Requests.GET_CONFIG, size)
                .putInt(PayloadDescriptor.CONFIG_OFFSET_OFFSET, offset)
                .putInt(PayloadDescriptor.CONFIG_LENGTH_OFFSET, length);
        Message answer = channel.askOrNothing(size);
        if (answer.size() == 0) {
            throw new VhostProtocolException(
                    "the device has no configuration space at offset=0x%x length=0x%x"
                            .formatted(offset, length));
        }
        return answer.getBytes(PayloadDescriptor.CONFIG_BYTES_OFFSET, length);
    }

    /** Writes the device's configuration space; needs CONFIG. */
    public synchronized void writeConfig(int offset, byte[] bytes) {
        require(VhostFeatures.PROTOCOL_CONFIG, "CONFIG");
        requireConfigRange(offset, bytes.length);
        channel.request(Requests.SET_CONFIG, PayloadDescriptor.CONFIG_BYTES_OFFSET + bytes.length)
                .putInt(PayloadDescriptor.CONFIG_OFFSET_OFFSET, offset)
                .putInt(PayloadDescriptor.CONFIG_LENGTH_OFFSET, bytes.length)
                .putBytes(PayloadDescriptor.CONFIG_BYTES_OFFSET, bytes);
        send();
    }

    private static void requireConfigRange(int offset, int length) {
        if (offset < 0
                || length < 1
                || length > PayloadDescriptor.MAX_CONFIG_BYTES
                || offset > PayloadDescriptor.MAX_CONFIG_BYTES - length) {
            throw new IllegalArgumentException(
                    "a configuration space has at most %d bytes: offset=%d length=%d"
                            .formatted(PayloadDescriptor.MAX_CONFIG_BYTES, offset, length));
        }
    }

    /** Says how many entries the queue has. */
    public synchronized void setVringSize(int queue, int entries) {
        setState(Requests.SET_VRING_NUM, queue, entries);
    }

    /**
     * Says at which index the queue continues: 0 for a new one, or what {@link #stopVring} gave.
     */
    public synchronized void setVringBase(int queue, int index) {
        setState(Requests.SET_VRING_BASE, queue, index);
    }

    /** Says where the ring is: user addresses of the memory table, or IOVAs with an IOMMU. */
    public synchronized void setVringAddresses(
            int queue, long descriptors, long used, long available) {
        channel.request(Requests.SET_VRING_ADDR, PayloadDescriptor.ADDRESS_BYTES)
                .putInt(PayloadDescriptor.ADDRESS_INDEX_OFFSET, queue)
                .putLong(PayloadDescriptor.ADDRESS_DESCRIPTORS_OFFSET, descriptors)
                .putLong(PayloadDescriptor.ADDRESS_USED_OFFSET, used)
                .putLong(PayloadDescriptor.ADDRESS_AVAILABLE_OFFSET, available);
        send();
    }

    /** The doorbell; null has the back-end poll. Starts the queue. It stays the caller's. */
    public synchronized void setVringKick(int queue, EventDescriptor kick) {
        setEvent(Requests.SET_VRING_KICK, queue, kick);
    }

    /** The interrupt; null for none. It stays the caller's. */
    public synchronized void setVringCall(int queue, EventDescriptor call) {
        setEvent(Requests.SET_VRING_CALL, queue, call);
    }

    /** Where the back-end tells of errors; null for none. It stays the caller's. */
    public synchronized void setVringError(int queue, EventDescriptor error) {
        setEvent(Requests.SET_VRING_ERR, queue, error);
    }

    /** Enables or disables a queue. Without PROTOCOL_FEATURES queues are always enabled. */
    public synchronized void setVringEnabled(int queue, boolean enabled) {
        if ((features & VhostFeatures.PROTOCOL_FEATURES) == 0) {
            if (!enabled) {
                throw new IllegalStateException(
                        "without PROTOCOL_FEATURES a queue is stopped, not disabled: queue="
                                + queue);
            }
            return;
        }
        setState(Requests.SET_VRING_ENABLE, queue, enabled ? 1 : 0);
    }

    /**
     * Stops a queue: when this is back the back-end touches it no more.
     *
     * @return the index at which it would have continued
     */
    public synchronized int stopVring(int queue) {
        channel.request(Requests.GET_VRING_BASE, PayloadDescriptor.STATE_BYTES)
                .putInt(PayloadDescriptor.STATE_INDEX_OFFSET, queue);
        Message answer = channel.ask(PayloadDescriptor.STATE_BYTES);
        int told = answer.getInt(PayloadDescriptor.STATE_INDEX_OFFSET);
        if (told != queue) {
            throw new VhostProtocolException(
                    "the back-end stopped queue %d, not %d".formatted(told, queue));
        }
        return answer.getInt(PayloadDescriptor.STATE_NUM_OFFSET);
    }

    /**
     * Opens the channel on which the back-end asks for translations; needs BACKEND_REQ. The caller
     * owns it, watches it, and closes it with this.
     */
    public synchronized BackEndChannel openBackEndChannel(BackEndChannel.Listener listener) {
        require(VhostFeatures.PROTOCOL_BACKEND_REQ, "BACKEND_REQ");
        UnixSocket[] pair = UnixSocket.pair(UnixSocket.Kind.STREAM);
        try (UnixSocket theirs = pair[1]) {
            channel.request(Requests.SET_BACKEND_REQ_FD, 0);
            send(theirs.descriptor());
            return new BackEndChannel(pair[0], listener);
        } catch (RuntimeException failed) {
            pair[0].close();
            throw failed;
        }
    }

    /**
     * Gives the back-end a translation; needs VIRTIO_F_ACCESS_PLATFORM and REPLY_ACK.
     *
     * @param userAddress where it is, as the memory table told user addresses
     * @param access 1 for the device to read, 2 to write, 3 both
     */
    public synchronized void updateIotlb(
            long iova, long lengthBytes, long userAddress, int access) {
        iotlb(new IotlbMessage(iova, lengthBytes, userAddress, access, IotlbMessage.UPDATE));
    }

    /**
     * Takes translations away: when this is back, the back-end has none of the range any more.
     * Needs VIRTIO_F_ACCESS_PLATFORM and REPLY_ACK.
     */
    public synchronized void invalidateIotlb(long iova, long lengthBytes) {
        iotlb(new IotlbMessage(iova, lengthBytes, 0, 0, IotlbMessage.INVALIDATE));
    }

    /**
     * Takes translations away, at most a batch: when this is back, the back-end has none of these
     * ranges any more. Needs VIRTIO_F_ACCESS_PLATFORM and REPLY_ACK.
     *
     * @param batch invalidations, at least one; its thread's
     */
    public synchronized void invalidateIotlb(IotlbBatch batch) {
        requireIotlb();
        channel.tellAndConfirm(batch);
    }

    /**
     * Gives the back-end translations, none of them if the source finds none; does not wait until
     * it has them. Needs VIRTIO_F_ACCESS_PLATFORM and REPLY_ACK.
     *
     * <p>From any thread, also while another waits in {@link #invalidateIotlb}: no other message is
     * sent between what the source looks up and what this sends. So a translation that was looked
     * up before its invalidation was sent arrives before it, and dies of it.
     *
     * @param batch cleared and filled by the source; the calling thread's
     */
    public void feedIotlb(IotlbBatch batch, IotlbBatch.Source source) {
        requireIotlb();
        channel.feed(batch, source);
    }

    private void requireIotlb() {
        require(VhostFeatures.PROTOCOL_REPLY_ACK, "REPLY_ACK");
        if ((features & VhostFeatures.ACCESS_PLATFORM) == 0) {
            throw new IllegalStateException("needs VIRTIO_F_ACCESS_PLATFORM, not negotiated");
        }
    }

    private void iotlb(IotlbMessage told) {
        requireIotlb();
        told.requirePlausible();
        told.writeTo(channel.request(Requests.IOTLB_MSG, PayloadDescriptor.IOTLB_BYTES));
        send();
    }

    private void setState(int request, int queue, int value) {
        channel.request(request, PayloadDescriptor.STATE_BYTES)
                .putInt(PayloadDescriptor.STATE_INDEX_OFFSET, queue)
                .putInt(PayloadDescriptor.STATE_NUM_OFFSET, value);
        send();
    }

    private void setEvent(int request, int queue, EventDescriptor event) {
        if (queue < 0 || queue > PayloadDescriptor.FILE_INDEX_MASK) {
            throw new IllegalArgumentException("a queue's index is 0 to 255: queue=" + queue);
        }
        int none = event == null ? PayloadDescriptor.FILE_NONE : 0;
        channel.request(request, PayloadDescriptor.NUMBER_BYTES).putLong(0, queue | none);
        if (event == null) {
            send();
        } else {
            send(event.descriptor());
        }
    }

    private void setNumber(int request, long value) {
        channel.request(request, PayloadDescriptor.NUMBER_BYTES).putLong(0, value);
        send();
    }

    /** Sends the request that was begun; with REPLY_ACK it is confirmed, or refused, at once. */
    void send(Descriptor... passed) {
        if (has(VhostFeatures.PROTOCOL_REPLY_ACK)) {
            channel.tellAndConfirm(passed);
        } else {
            channel.tell(passed);
        }
    }

    /**
     * Returns when all requests so far are done: they are done in their order, so an answer to the
     * next means that of those before.
     */
    void awaitDone() {
        if (!has(VhostFeatures.PROTOCOL_REPLY_ACK)) {
            features();
        }
    }

    private long askNumber(int request) {
        channel.request(request, 0);
        return channel.ask(PayloadDescriptor.NUMBER_BYTES).getLong(0);
    }

    private int askCount(int request) {
        long count = askNumber(request);
        if (count < 0 || count > Short.MAX_VALUE) {
            throw new VhostProtocolException(
                    "the back-end answered %s with 0x%x".formatted(Requests.name(request), count));
        }
        return (int) count;
    }

    boolean has(long protocolFeature) {
        return (protocolFeatures & protocolFeature) != 0;
    }

    private void require(long protocolFeature, String name) {
        if (!has(protocolFeature)) {
            throw new IllegalStateException(
                    "needs the protocol feature " + name + ", which was not negotiated");
        }
    }

    /** What to watch for {@link dev.outboard.uio.Epoll#HANG_UP}; it stays this object's. */
    public Descriptor descriptor() {
        return channel.socket().descriptor();
    }

    /** Whether the back-end has closed, or died. */
    public boolean isPeerGone() {
        UnixSocket socket = channel.socket();
        return socket.descriptor().isClosed() || socket.isPeerGone();
    }

    /** Closes the connection: the back-end stops every queue and lets go of the memory. */
    @Override
    public void close() {
        channel.close();
    }
}
