package dev.outboard.examples;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.netty.DriverDatagramChannel;
import dev.outboard.netty.DriverEventLoopGroup;
import dev.outboard.netty.DriverInterface;
import dev.outboard.netty.IpSettings;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.socket.nio.NioDatagramChannel;
import java.util.concurrent.TimeUnit;

/**
 * A Netty program: sends every datagram back. It runs on the kernel's network, as {@link #main}, or
 * on a driver, as a client; what differs is the line with the event loops and the channel.
 *
 * <pre>
 *   java … dev.outboard.examples/dev.outboard.examples.UdpEcho 7007
 *   outboard run net --device vhost-user:nic0.sock --client udp-echo -o ip=10.0.0.1/24 -o port=7007
 * </pre>
 */
public final class UdpEcho implements Client {
    private static final int PORT = 7007;
    private static final int MOST_PORT = 65_535;
    private static final long LOOK_MILLIS = 50;

    /** For the service loader. */
    public UdpEcho() {}

    /** The program itself: knows neither the kernel nor a driver. */
    private static final class Echo extends SimpleChannelInboundHandler<DatagramPacket> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, DatagramPacket packet) {
            // The same bytes, in the same place: over a driver nothing is copied.
            context.write(new DatagramPacket(packet.content().retain(), packet.sender()));
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            context.flush();
        }
    }

    private static Channel start(Bootstrap bootstrap, int port) {
        return bootstrap.handler(new Echo()).bind(port).syncUninterruptibly().channel();
    }

    /** On the kernel's network. */
    public static void main(String[] arguments) throws InterruptedException {
        int port = arguments.length == 0 ? PORT : Integer.parseInt(arguments[0]);
        var group = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        var bootstrap = new Bootstrap().group(group).channel(NioDatagramChannel.class);
        start(bootstrap, port).closeFuture().sync();
    }

    @Override
    public String name() {
        return "udp-echo";
    }

    @Override
    public String help() {
        return "sends datagrams back, by Netty: port=7007 " + IpSettings.HELP;
    }

    @Override
    public Class<NetworkService> service() {
        return NetworkService.class;
    }

    /** On a driver. */
    @Override
    public void run(Service service, ClientContext context) {
        long port = context.option("port", PORT);
        if (port < 1 || port > MOST_PORT) {
            throw new IllegalArgumentException("option port=" + port + " is not 1 to 65535");
        }
        var settings = IpSettings.of(context.options());
        try (var network = DriverInterface.open((NetworkService) service, context, settings)) {
            var group = new DriverEventLoopGroup(network);
            try {
                var bootstrap = new Bootstrap().group(group).channel(DriverDatagramChannel.class);
                var channel = start(bootstrap, (int) port);
                context.ready();
                while (!context.isStopping() && channel.isOpen()) {
                    channel.closeFuture().awaitUninterruptibly(LOOK_MILLIS);
                }
            } finally {
                group.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
            }
            var statistics = network.statistics();
            context.result("receivedInPlace", statistics.receivedInPlace());
            context.result("receivedCopied", statistics.receivedCopied());
            context.result("sentInPlace", statistics.sentInPlace());
            context.result("sentCopied", statistics.sentCopied());
        }
    }
}
