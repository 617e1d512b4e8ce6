package dev.outboard.netty;

import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.internet.PacketDescriptor;
import dev.outboard.uio.WaitPolicy;
import java.util.ArrayList;
import java.util.List;

/**
 * A network interface for Netty: a driver's service with addresses of the Internet. What all its
 * event loops share. Whoever opens it closes it, after the event loops have ended.
 *
 * <pre>
 *   var network = DriverInterface.open(service, context, IpSettings.of("10.0.0.2/24"));
 *   var group = new DriverEventLoopGroup(network);
 *   new Bootstrap().group(group).channel(DriverDatagramChannel.class) …
 * </pre>
 *
 * <p>Every queue of the service belongs to the event loops from then on. Any thread.
 */
public final class DriverInterface implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(DriverInterface.class.getName());
    private static final int SLOTS = 1024;

    private final NetworkService service;
    private final Route route;
    private final NeighbourTable neighbours = new NeighbourTable();
    private final PortTable ports = new PortTable();
    private final Counters counters = new Counters();
    private final WaitPolicy waitPolicy;
    private final DmaMemory slots;
    private final DmaMemory headers;
    private final DmaByteBufAllocator allocator;
    private final List<DriverIoHandler> loops = new ArrayList<>();
    private boolean isStillRead;
    private boolean closed;

    private DriverInterface(
            NetworkService service,
            ClientContext context,
            IpSettings settings,
            WaitPolicy waitPolicy) {
        this.service = service;
        this.waitPolicy = waitPolicy;
        route = new Route(service, settings);
        int stride = DmaByteBufAllocator.strideBytes(frameBytes());
        slots = context.allocate((long) SLOTS * stride);
        try {
            headers = context.allocate((long) service.queuePairs() * headersBytes());
        } catch (RuntimeException none) {
            slots.close();
            throw none;
        }
        allocator = new DmaByteBufAllocator(slots, SLOTS, frameBytes());
    }

    private static int headersBytes() {
        return GatherSlots.COUNT * GatherSlots.STRIDE_BYTES;
    }

    /**
     * Takes the memory for buffers.
     *
     * @throws dev.outboard.dma.OutOfDmaMemoryException if the driver has too little memory
     */
    public static DriverInterface open(
            NetworkService service, ClientContext context, IpSettings settings) {
        return open(service, context, settings, WaitPolicy.DEFAULT);
    }

    /**
     * The same.
     *
     * @param waitPolicy how an event loop without work waits
     */
    public static DriverInterface open(
            NetworkService service,
            ClientContext context,
            IpSettings settings,
            WaitPolicy waitPolicy) {
        return new DriverInterface(service, context, settings, waitPolicy);
    }

    /** Buffers that the device reads without a copy; what channels here allocate from. */
    public DmaByteBufAllocator allocator() {
        return allocator;
    }

    /** The longest datagram that is sent: there is no fragmentation. */
    public int mostPayloadBytes(boolean isIpv6) {
        return route.mtuBytes()
                - (isIpv6 ? PacketDescriptor.IPV6_BYTES : PacketDescriptor.IPV4_BYTES)
                - PacketDescriptor.UDP_BYTES;
    }

    /** What was counted so far. */
    public DriverInterfaceStatistics statistics() {
        long posted = 0;
        long copiedOut = 0;
        long kept = 0;
        long copiedIn = 0;
        synchronized (loops) {
            for (var loop : loops) {
                posted += loop.output().posted();
                copiedOut += loop.output().copied();
                kept += loop.delivery().kept();
                copiedIn += loop.delivery().copied();
            }
        }
        return new DriverInterfaceStatistics(
                posted,
                copiedOut,
                kept,
                copiedIn,
                counters.foreign.sum(),
                counters.malformed.sum(),
                counters.fragments.sum(),
                counters.unclaimed.sum(),
                counters.overrun.sum(),
                counters.unreachable.sum(),
                counters.unanswered.sum());
    }

    NetworkService service() {
        return service;
    }

    Route route() {
        return route;
    }

    NeighbourTable neighbours() {
        return neighbours;
    }

    PortTable ports() {
        return ports;
    }

    Counters counters() {
        return counters;
    }

    WaitPolicy waitPolicy() {
        return waitPolicy;
    }

    int frameBytes() {
        return PacketDescriptor.ETHERNET_BYTES + service.mtuBytes();
    }

    GatherSlots gathers(int pair) {
        return new GatherSlots(headers, (long) pair * headersBytes());
    }

    void joined(DriverIoHandler loop) {
        synchronized (loops) {
            loops.add(loop);
        }
    }

    /**
     * @param isRead whether the device still reads memory of this
     */
    void left(DriverIoHandler loop, boolean isRead) {
        synchronized (loops) {
            isStillRead |= isRead;
        }
    }

    /** Drops what waits for neighbours, and gives the memory back. Twice does no harm. */
    @Override
    public void close() {
        synchronized (loops) {
            if (closed) {
                return;
            }
            closed = true;
            neighbours.all().forEach(Neighbour::drop);
            if (isStillRead) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "the device has not read everything that was sent: its buffers are kept"
                                + " until the driver ends");
                return;
            }
            headers.close();
            slots.close();
        }
    }
}
