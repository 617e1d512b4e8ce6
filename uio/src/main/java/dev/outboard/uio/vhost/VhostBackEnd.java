package dev.outboard.uio.vhost;

import dev.outboard.uio.EventDescriptor;
import java.util.List;

/**
 * What a device supplies to speak vhost-user.
 *
 * <p>Every method is called on the thread that calls {@link VhostSession#onReadable()}. Queue
 * indexes are always within {@link #queueCount()}, sizes within 1 to 32768; whether a size suits
 * the ring's layout, and whether addresses are memory, the device checks. A {@link
 * VhostProtocolException} refuses a request: the front-end is told, if it asked to be; otherwise
 * the session ends. Descriptors handed over are the device's, also when it refuses.
 */
public interface VhostBackEnd {
    /** The device's features; the session adds {@link VhostFeatures#PROTOCOL_FEATURES}. */
    long features();

    /**
     * Protocol features of the device: CONFIG, CONFIGURE_MEM_SLOTS, BACKEND_REQ or none. The
     * session adds those that are its own, MQ and REPLY_ACK.
     */
    long protocolFeatures();

    /** How many queues there are at most; at most 256. */
    int queueCount();

    /**
     * What GET_QUEUE_NUM answers. A network device answers <em>pairs</em> of queues, as QEMU and
     * DPDK have always read it.
     */
    default int offeredQueueCount() {
        return queueCount();
    }

    /** How many memory regions the device keeps at once, if it offers CONFIGURE_MEM_SLOTS. */
    default int memorySlots() {
        return PayloadDescriptor.MAX_REGIONS;
    }

    /** The front-end took the session. */
    void ownerSet();

    /**
     * What the front-end chose; a subset of {@link #features()} and PROTOCOL_FEATURES. May come
     * again, before the queues are started.
     */
    void featuresAccepted(long features);

    /**
     * What protocol the front-end chose: a subset of {@link #protocolFeatures()} and of those that
     * are the session's own.
     */
    default void protocolFeaturesAccepted(long features) {}

    /** A whole new memory table: the old is gone. The device now owns the descriptors. */
    void memoryTable(List<MemoryRegion> regions);

    /**
     * Memory was plugged in, beside what there is; also while queues run, and before any table was
     * given. The device now owns the descriptor. It refuses what overlaps, is one too many, or is
     * longer than its file, and then nothing is changed.
     */
    default void memoryRegionAdded(MemoryRegion region) {
        region.descriptor().close();
        throw new VhostProtocolException("memory slots are not offered");
    }

    /**
     * Memory was unplugged, also while queues run: when this returns the device uses none of it any
     * more. Of the region, the descriptor is null. It refuses what was never plugged in just so,
     * and that in which a ring stands that runs.
     */
    default void memoryRegionRemoved(MemoryRegion region) {
        throw new VhostProtocolException("memory slots are not offered");
    }

    /**
     * A channel on which the device may ask the front-end: for translations, with
     * VIRTIO_F_ACCESS_PLATFORM. The device now owns it, and closes the one before.
     */
    default void backEndRequests(BackEndRequests channel) {
        channel.close();
        throw new VhostProtocolException("a back-end channel is not offered");
    }

    /**
     * The front-end gives a translation, or takes some away. When this returns from an invalidation
     * the device uses none of it any more.
     */
    default void iotlb(IotlbMessage message) {
        throw new VhostProtocolException("VIRTIO_F_ACCESS_PLATFORM is not offered");
    }

    /**
     * Bytes of the configuration space.
     *
     * @return exactly so many
     */
    byte[] config(int offset, int length);

    /** The front-end wrote the configuration space. Read-only fields are to be refused. */
    void configWritten(int offset, byte[] bytes);

    /** The queue has so many entries. */
    void vringSize(int queue, int entries);

    /** The queue continues at this index; for a packed ring, with its wrap counters. */
    void vringBase(int queue, int index);

    /** Where the three parts of the ring are: user addresses, or IOVAs with an IOMMU. */
    void vringAddresses(int queue, long descriptors, long used, long available);

    /** The doorbell; null to poll. The device now owns it. With it the queue starts. */
    void vringKick(int queue, EventDescriptor kick);

    /** The interrupt; null for none. The device now owns it. */
    void vringCall(int queue, EventDescriptor call);

    /** Where errors are told; null for none. The device now owns it. */
    void vringError(int queue, EventDescriptor error);

    /**
     * Whether buffers of the queue may be used up. Without PROTOCOL_FEATURES a front-end never
     * says; the session then calls this, with true, after {@link #vringKick}.
     */
    void vringEnabled(int queue, boolean enabled);

    /**
     * Stops the queue, until another kick descriptor comes.
     *
     * @return the index at which it would have continued
     */
    int stopVring(int queue);
}
