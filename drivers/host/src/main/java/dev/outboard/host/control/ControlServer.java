package dev.outboard.host.control;

import dev.outboard.host.cli.CommandException;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Listens for whoever looks at a process or changes it. One thread of its own, asleep until
 * somebody comes; two more while there is an answer to find. Bounded in connections, in the length
 * of what is asked, and in the time that asking may take. Owned by the command; any thread.
 */
public final class ControlServer implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(ControlServer.class.getName());
    static final int MOST_CONNECTIONS = 32;
    private static final int MOST_LINE_BYTES = 1024;
    private static final int MOST_HEADER_BYTES = 4096;
    private static final int MOST_BODY_BYTES = 4096;
    private static final int BACKLOG = 16;
    private static final long CLOSE_MILLIS = 2000;

    /** For all of a request, however slowly it trickles in, and again for all of its answer. */
    private static final long PATIENCE_MILLIS = 5000;

    /** Of Netty: what its channels are named after, by itself the address of a network card. */
    private static final String MACHINE_ID = "io.netty.machineId";

    static {
        // Nobody reads these names, and where there is no card Netty warns of it.
        if (System.getProperty(MACHINE_ID) == null) {
            System.setProperty(MACHINE_ID, "00:00:00:00:00:01");
        }
    }

    private final Path socket;
    private final InetSocketAddress tcp;
    private final Workers workers = new Workers();
    private final Subject subject;
    private final long patienceMillis;
    private final AtomicInteger connections = new AtomicInteger();
    private final CompletableFuture<Void> listening = new CompletableFuture<>();
    private final List<Channel> bound = new ArrayList<>();
    private EventLoopGroup loop;
    private boolean made;
    private int tcpPort;
    private boolean closed;

    private ControlServer(
            Path socket, InetSocketAddress tcp, Subject subject, long patienceMillis) {
        this.socket = socket;
        this.tcp = tcp;
        this.subject = subject;
        this.patienceMillis = patienceMillis;
    }

    /** Listens nowhere. */
    public static ControlServer none() {
        var server = new ControlServer(null, null, null, 0);
        server.listening.complete(null);
        return server;
    }

    /**
     * Begins to listen on a thread of its own: loading what that takes is a good part of a short
     * command's life.
     *
     * @param socket the UNIX socket, or null for none
     * @param tcp where what may be looked at only is served, or null
     */
    static ControlServer begin(Path socket, InetSocketAddress tcp, Subject subject) {
        return begin(socket, tcp, subject, PATIENCE_MILLIS);
    }

    /** The same with another patience. */
    static ControlServer begin(
            Path socket, InetSocketAddress tcp, Subject subject, long patienceMillis) {
        if (socket == null && tcp == null) {
            return none();
        }
        var server = new ControlServer(socket, tcp, subject, patienceMillis);
        Thread.ofPlatform().daemon().name("control-start").start(server::start);
        return server;
    }

    /**
     * Waits until it listens.
     *
     * @throws CommandException if it cannot
     */
    public void awaitListening() {
        try {
            listening.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof CommandException refused) {
                throw refused;
            }
            throw e;
        }
    }

    private String address() {
        return ControlOptions.UNIX + socket;
    }

    /** Says, to machines that start this one, where it is asked; once it listens. */
    public synchronized void describe(Map<String, Object> fields) {
        if (socket != null) {
            fields.put("control", address());
        }
        if (tcpPort != 0) {
            fields.put("metricsPort", tcpPort);
        }
    }

    private synchronized void start() {
        if (closed) {
            listening.complete(null);
            return;
        }
        try {
            loop =
                    new MultiThreadIoEventLoopGroup(
                            1,
                            Thread.ofPlatform().daemon().name("control").factory(),
                            NioIoHandler.newFactory());
            if (socket != null) {
                removeStale();
                bind(NioServerDomainSocketChannel.class, UnixDomainSocketAddress.of(socket), true);
                Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
            }
            if (tcp != null) {
                var channel = bind(NioServerSocketChannel.class, tcp, false);
                tcpPort = ((InetSocketAddress) channel.localAddress()).getPort();
            }
            listening.complete(null);
        } catch (CommandException refused) {
            listening.completeExceptionally(refused);
        } catch (IOException | RuntimeException | LinkageError failure) {
            listening.completeExceptionally(
                    new CommandException("cannot listen for control: " + failure, failure));
        }
    }

    private Channel bind(
            Class<? extends ServerChannel> type, SocketAddress address, boolean mayChange) {
        var binding =
                new ServerBootstrap()
                        .group(loop)
                        .channel(type)
                        .option(ChannelOption.SO_BACKLOG, BACKLOG)
                        .childOption(ChannelOption.ALLOCATOR, new UnpooledByteBufAllocator(false))
                        .childHandler(pipeline(mayChange))
                        .bind(address)
                        .awaitUninterruptibly();
        if (!binding.isSuccess()) {
            throw new CommandException(
                    "cannot listen at %s: %s; take another place with %s"
                            .formatted(
                                    mayChange ? address() : tcp,
                                    binding.cause().getMessage(),
                                    mayChange ? "--control unix:PATH" : "--metrics HOST:PORT"),
                    binding.cause());
        }
        bound.add(binding.channel());
        return binding.channel();
    }

    private ChannelInitializer<Channel> pipeline(boolean mayChange) {
        return new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                channel.pipeline()
                        .addLast(
                                new HttpServerCodec(
                                        new HttpDecoderConfig()
                                                .setMaxInitialLineLength(MOST_LINE_BYTES)
                                                .setMaxHeaderSize(MOST_HEADER_BYTES)))
                        .addLast(new HttpObjectAggregator(MOST_BODY_BYTES, true))
                        .addLast(handler(mayChange));
            }
        };
    }

    private ControlHandler handler(boolean mayChange) {
        return new ControlHandler(subject, workers, mayChange, connections, patienceMillis);
    }

    /** A socket that a killed process left is in the way; one that somebody listens at stays. */
    private void removeStale() throws IOException {
        if (!Files.exists(socket, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        if (Files.readAttributes(
                        socket,
                        java.nio.file.attribute.BasicFileAttributes.class,
                        LinkOption.NOFOLLOW_LINKS)
                .isOther()) {
            try (var probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
                probe.connect(UnixDomainSocketAddress.of(socket));
            } catch (IOException nobody) {
                Files.deleteIfExists(socket);
                return;
            }
        }
        throw new CommandException(
                "cannot listen at %s: it is there and in use; take another path, or remove it"
                        .formatted(address()));
    }

    /** Netty removes it in most cases, but not in all. */
    private void remove() {
        try {
            Files.deleteIfExists(socket);
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "cannot remove " + socket, e);
        }
    }

    /** Listens no more, ends connections, and removes the socket. Twice does no harm. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        workers.close();
        bound.forEach(channel -> channel.close().awaitUninterruptibly(CLOSE_MILLIS));
        if (made) {
            remove();
        }
        if (loop != null) {
            loop.shutdownGracefully(0, CLOSE_MILLIS, TimeUnit.MILLISECONDS)
                    .awaitUninterruptibly(CLOSE_MILLIS);
        }
    }
}
