package dev.outboard.netty;

import io.netty.buffer.ByteBuf;
import io.netty.channel.AddressedEnvelope;
import io.netty.channel.ChannelMetadata;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPromise;
import io.netty.channel.EventLoop;
import io.netty.channel.IoEvent;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoHandle;
import io.netty.channel.IoRegistration;
import io.netty.channel.socket.DatagramChannelConfig;
import io.netty.channel.socket.DatagramPacket;
import java.io.IOException;
import java.net.ConnectException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketException;
import java.nio.channels.AlreadyConnectedException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NotYetConnectedException;
import java.nio.channels.UnresolvedAddressException;
import java.util.ArrayDeque;
import java.util.Queue;

/**
 * A UDP channel over a network driver: what {@code NioDatagramChannel} is over the kernel. It reads
 * and writes {@link DatagramPacket}; connected, also a {@link ByteBuf}.
 *
 * <p>A write is done when the datagram is in the device's queue; its buffer is released once the
 * device has read it. Where the queue is full, a channel is not writable until there is room. A
 * datagram that would have to be cut fails with {@link FragmentationRefusedException}. The event
 * loop's thread, but for what Netty allows any thread.
 */
public final class DriverDatagramChannel extends GroupChannel {
    private static final ChannelMetadata METADATA = new ChannelMetadata(true, 16);

    private final DriverDatagramChannelConfig config = new DriverDatagramChannelConfig(this);
    private final Queue<DatagramPacket> unread = new ArrayDeque<>();
    private volatile boolean isClosed;
    private volatile InetSocketAddress local;
    private volatile InetSocketAddress remote;
    private volatile Address localAddress;
    private volatile DriverIoHandler loop;
    private IoRegistration registration;
    private InetSocketAddress recipient4;
    private InetSocketAddress recipient6;
    private boolean isReading;
    private boolean isTouched;

    /** For {@code Bootstrap.channel}: registered with a {@link DriverEventLoopGroup}. */
    public DriverDatagramChannel() {
        super();
    }

    /** What the event loop knows of a channel. */
    static final class Handle implements IoHandle {
        private final DriverDatagramChannel channel;

        private Handle(DriverDatagramChannel channel) {
            this.channel = channel;
        }

        DriverDatagramChannel channel() {
            return channel;
        }

        @Override
        public void handle(IoRegistration registration, IoEvent event) {
            // Datagrams are handed over, not asked for.
        }

        @Override
        public void close() {
            channel.unsafe().close(channel.unsafe().voidPromise());
        }
    }

    @Override
    public DatagramChannelConfig config() {
        return config;
    }

    @Override
    public ChannelMetadata metadata() {
        return METADATA;
    }

    @Override
    public boolean isOpen() {
        return !isClosed;
    }

    @Override
    public boolean isActive() {
        return !isClosed && local != null;
    }

    @Override
    public boolean isConnected() {
        return remote != null;
    }

    @Override
    protected SocketAddress localAddress0() {
        return local;
    }

    @Override
    protected SocketAddress remoteAddress0() {
        return remote;
    }

    @Override
    protected AbstractUnsafe newUnsafe() {
        return new DriverUnsafe();
    }

    @Override
    protected boolean isCompatible(EventLoop candidate) {
        return candidate instanceof IoEventLoop io && io.isCompatible(Handle.class);
    }

    @Override
    protected void doRegister(ChannelPromise promise) {
        ((IoEventLoop) eventLoop())
                .register(new Handle(this))
                .addListener(
                        future -> {
                            if (future.isSuccess()) {
                                registration = (IoRegistration) future.getNow();
                                loop = registration.attachment();
                                config.offerAllocator(loop.network().allocator());
                                promise.setSuccess();
                            } else {
                                promise.setFailure(future.cause());
                            }
                        });
    }

    @Override
    protected void doDeregister() {
        var before = registration;
        registration = null;
        if (before != null) {
            before.cancel();
        }
    }

    @Override
    protected void doBind(SocketAddress wanted) throws SocketException {
        if (!(wanted instanceof InetSocketAddress address)) {
            throw new SocketException("a UDP channel is bound to an InetSocketAddress: " + wanted);
        }
        if (address.isUnresolved()) {
            throw new UnresolvedAddressException();
        }
        if (local != null) {
            throw new SocketException("the channel is bound already, to " + local);
        }
        var host = address.getAddress();
        var bound = host.isAnyLocalAddress() ? null : Address.of(host);
        if (bound != null && !bound.isGroup() && !loop.route().isOwn(bound)) {
            throw new java.net.BindException(
                    "%s is no address of this interface: take one of its own, or 0.0.0.0"
                            .formatted(host.getHostAddress()));
        }
        localAddress = bound;
        int port = loop.network().ports().bind(this, address.getPort());
        local = new InetSocketAddress(host, port);
    }

    /** Whether both would hear the same datagrams. */
    boolean overlaps(DriverDatagramChannel other) {
        return localAddress == null
                || other.localAddress == null
                || localAddress.equals(other.localAddress);
    }

    /** Whether this channel wants what that host sends to that address. */
    boolean accepts(Address to, InetSocketAddress from, boolean isMany) {
        if (isClosed || localAddress != null && !localAddress.equals(to) && !isMany) {
            return false;
        }
        var peer = remote;
        if (peer != null && !peer.equals(from)) {
            return false;
        }
        if (!isMany) {
            return true;
        }
        return to.isGroup() ? isJoined(to) : localAddress == null || config.isBroadcast();
    }

    /** How well it fits among several that would take the same: more is better, 1 or more. */
    int fit(DriverIoHandler current) {
        return (remote != null ? 4 : 0)
                + (localAddress != null ? 2 : 0)
                + (loop == current ? 1 : 0)
                + 1;
    }

    boolean isOf(DriverIoHandler other) {
        return loop == other;
    }

    /** The address that a datagram came to, as an object that is made once. */
    InetSocketAddress recipient(Address to, int port) {
        if (to.isGroup()) {
            return new InetSocketAddress(to.inet(), port);
        }
        if (to.isIpv6()) {
            if (recipient6 == null || !Address.of(recipient6.getAddress()).equals(to)) {
                recipient6 = new InetSocketAddress(to.inet(), port);
            }
            return recipient6;
        }
        if (recipient4 == null || !Address.of(recipient4.getAddress()).equals(to)) {
            recipient4 = new InetSocketAddress(to.inet(), port);
        }
        return recipient4;
    }

    boolean isTouched() {
        return isTouched;
    }

    /** A datagram came, on this channel's own loop. */
    void received(DatagramPacket packet) {
        isTouched = true;
        if (isReading) {
            pipeline().fireChannelRead(packet);
        } else {
            keep(packet);
        }
    }

    private void keep(DatagramPacket packet) {
        if (isClosed || unread.size() >= config.mostWaiting()) {
            loop.network().counters().overrun.increment();
            packet.release();
        } else {
            unread.add(packet);
        }
    }

    /** A datagram came on another loop's queue. */
    void receivedElsewhere(DatagramPacket packet) {
        received(packet);
        completed();
    }

    /** That was all for now. */
    void completed() {
        isTouched = false;
        if (isReading) {
            isReading = false;
            pipeline().fireChannelReadComplete();
        }
    }

    @Override
    protected void doBeginRead() {
        isReading = true;
        if (!unread.isEmpty()) {
            eventLoop().execute(this::readKept);
        }
    }

    private void readKept() {
        var packet = isReading ? unread.poll() : null;
        if (packet == null) {
            return;
        }
        while (packet != null) {
            pipeline().fireChannelRead(packet);
            packet = isReading ? unread.poll() : null;
        }
        completed();
    }

    @Override
    protected Object filterOutboundMessage(Object message) {
        if (message instanceof ByteBuf) {
            if (remote == null) {
                throw new NotYetConnectedException();
            }
            return message;
        }
        if (message instanceof AddressedEnvelope<?, ?> envelope
                && envelope.content() instanceof ByteBuf
                && (envelope.recipient() == null
                        || envelope.recipient() instanceof InetSocketAddress)) {
            if (envelope.recipient() == null && remote == null) {
                throw new NotYetConnectedException();
            }
            if (envelope.recipient() instanceof InetSocketAddress to && to.isUnresolved()) {
                throw new UnresolvedAddressException();
            }
            return message;
        }
        throw new UnsupportedOperationException(
                "a UDP channel writes DatagramPacket, AddressedEnvelope<ByteBuf, InetSocketAddress>"
                        + " or, connected, ByteBuf: not "
                        + message.getClass().getName());
    }

    @Override
    protected void doWrite(ChannelOutboundBuffer buffer) {
        for (var message = buffer.current(); message != null; message = buffer.current()) {
            try {
                if (!send(message)) {
                    loop.awaitRoom(this);
                    return;
                }
                buffer.remove();
            } catch (IOException refused) {
                buffer.remove(refused);
            }
        }
    }

    /** Whether there was room. */
    private boolean send(Object message) throws IOException {
        ByteBuf content;
        var to = remote;
        if (message instanceof AddressedEnvelope<?, ?> envelope) {
            content = (ByteBuf) envelope.content();
            to = envelope.recipient() == null ? to : (InetSocketAddress) envelope.recipient();
        } else {
            content = (ByteBuf) message;
        }
        if (to.getPort() == 0) {
            throw new SocketException("no datagram is sent to port 0");
        }
        bindIfNeeded(to);
        var host = to.getAddress();
        if (host.isAnyLocalAddress()) {
            throw new ConnectException("no host has the address " + host.getHostAddress());
        }
        var destination = loop.destination(host);
        int most = loop.network().mostPayloadBytes(destination.isIpv6());
        if (content.readableBytes() > most) {
            throw new FragmentationRefusedException(
                    content.readableBytes(), most, loop.route().mtuBytes());
        }
        if (destination.isOwn()) {
            return loop.loopBack(content, destination, local.getPort(), to.getPort());
        }
        if (destination.isMany()) {
            checkBroadcast(destination);
            return send(content, destination, destination.manyMac(), to.getPort());
        }
        return loop.neighbours().send(this, content, destination, to.getPort());
    }

    /** A channel that writes before it is bound gets any port, as in the kernel. */
    private void bindIfNeeded(InetSocketAddress to) throws SocketException {
        if (local == null) {
            doBind(any(to.getAddress()));
        }
    }

    private static InetSocketAddress any(InetAddress to) throws SocketException {
        try {
            int bytes = to instanceof Inet4Address ? 4 : 16;
            return new InetSocketAddress(InetAddress.getByAddress(new byte[bytes]), 0);
        } catch (java.net.UnknownHostException impossible) {
            throw new SocketException("no address of zeroes", impossible);
        }
    }

    private void checkBroadcast(Destination destination) throws SocketException {
        if (!destination.address().isGroup() && !config.isBroadcast()) {
            throw new SocketException(
                    "%s is everybody's address: set ChannelOption.SO_BROADCAST first"
                            .formatted(destination.address()));
        }
    }

    /** Sends from this channel's port; false where the queue is full. */
    boolean send(ByteBuf content, Destination to, long mac, int port) {
        return loop.output().datagram(content, to, mac, local.getPort(), port, config);
    }

    /** There may be room again. */
    void resume() {
        ((DriverUnsafe) unsafe()).resume();
    }

    @Override
    protected void doDisconnect() {
        remote = null;
    }

    @Override
    protected void doClose() {
        isClosed = true;
        var bound = local;
        if (bound != null) {
            loop.network().ports().release(this, bound.getPort());
        }
        for (var packet = unread.poll(); packet != null; packet = unread.poll()) {
            packet.release();
        }
    }

    /** What Netty's pipeline ends in. */
    private final class DriverUnsafe extends AbstractUnsafe {
        @Override
        public void connect(SocketAddress to, SocketAddress from, ChannelPromise promise) {
            if (!promise.setUncancellable() || !ensureOpen(promise)) {
                return;
            }
            try {
                boolean wasActive = isActive();
                connect(to, from);
                safeSetSuccess(promise);
                if (!wasActive && isActive()) {
                    pipeline().fireChannelActive();
                }
            } catch (IOException | RuntimeException refused) {
                safeSetFailure(promise, annotateConnectException(refused, to));
                closeIfClosed();
            }
        }

        private void connect(SocketAddress to, SocketAddress from) throws IOException {
            if (remote != null) {
                throw new AlreadyConnectedException();
            }
            if (!(to instanceof InetSocketAddress address)) {
                throw new SocketException("a UDP channel connects to an InetSocketAddress: " + to);
            }
            if (address.isUnresolved()) {
                throw new UnresolvedAddressException();
            }
            if (isClosed) {
                throw new ClosedChannelException();
            }
            loop.destination(address.getAddress());
            if (from != null) {
                doBind(from);
            } else {
                bindIfNeeded(address);
            }
            remote = address;
        }

        /** Writes on. */
        void resume() {
            super.flush0();
        }
    }
}
