package dev.outboard.uio.vhost;

import dev.outboard.uio.EventDescriptor;
import java.util.List;

/**
 * What a device supplies to speak vhost-user. Every method is called on the thread that calls
 * {@link VhostSession#onReadable()}; a {@link VhostProtocolException} refuses the request.
 */
public interface VhostBackEnd {
    /** The device's features; PROTOCOL_FEATURES is added by the session. */
    long features();

    /** Protocol features of the device itself, as CONFIG; the session adds what it does alone. */
    long protocolFeatures();

    /** How many queues there are at most. */
    int queueCount();

    /** The front-end took the session. */
    void ownerSet();

    /** What the front-end chose of features(). */
    void featuresAccepted(long features);

    /** A whole new memory table. The back-end now owns the regions' descriptors. */
    void memoryTable(List<MemoryRegion> regions);

    /** Memory was plugged in. The back-end now owns the region's descriptor. */
    default void memoryRegionAdded(MemoryRegion region) {
        region.descriptor().close();
        throw new VhostProtocolException("memory slots are not offered");
    }

    /** Memory was unplugged; the region's descriptor is null. */
    default void memoryRegionRemoved(MemoryRegion region) {
        throw new VhostProtocolException("memory slots are not offered");
    }

    /** Bytes of the configuration space. */
    byte[] config(int offset, int length);

    /** The front-end wrote the configuration space. */
    void configWritten(int offset, byte[] bytes);

    /** The queue has so many entries. */
    void vringSize(int queue, int entries);

    /** The queue continues at this index. */
    void vringBase(int queue, int index);

    /** Where the three parts of the ring are: user addresses, or IOVAs with an IOMMU. */
    void vringAddresses(int queue, long descriptors, long used, long available);

    /** The doorbell; null to poll. The back-end now owns it. */
    void vringKick(int queue, EventDescriptor kick);

    /** The interrupt; null for none. The back-end now owns it. */
    void vringCall(int queue, EventDescriptor call);

    /** Where errors are told; null for none. The back-end now owns it. */
    void vringError(int queue, EventDescriptor error);

    /** The queue may, or may not, be worked on. */
    void vringEnabled(int queue, boolean enabled);

    /** Stops the queue; where it would have continued. */
    int stopVring(int queue);
}
