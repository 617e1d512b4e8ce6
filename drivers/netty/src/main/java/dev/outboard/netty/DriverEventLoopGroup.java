package dev.outboard.netty;

import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Event loops over a network driver: one for each pair of queues, which it owns. The line that a
 * Netty program changes, with the channel's class:
 *
 * <pre>
 *   .group(new MultiThreadIoEventLoopGroup(newFactory())).channel(NioDatagramChannel.class)
 *   .group(new DriverEventLoopGroup(network)).channel(DriverDatagramChannel.class)
 * </pre>
 *
 * <p>Close it by {@code shutdownGracefully}, then the interface.
 */
public final class DriverEventLoopGroup extends MultiThreadIoEventLoopGroup {
    /** As many loops as the interface has pairs of queues. */
    public DriverEventLoopGroup(DriverInterface network) {
        super(
                network.service().queuePairs(),
                new DefaultThreadFactory("driver-loop"),
                factory(network));
    }

    private static IoHandlerFactory factory(DriverInterface network) {
        var pairs = new AtomicInteger();
        return executor -> new DriverIoHandler(network, pairs.getAndIncrement(), executor);
    }
}
