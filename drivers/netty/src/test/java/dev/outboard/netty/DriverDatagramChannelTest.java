package dev.outboard.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.driver.net.FrameOffload;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.DatagramPacket;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DriverDatagramChannelTest {
    private static final int PATIENCE_SECONDS = 20;
    private static final int PORT = 7;

    /** What came, as text, with who sent it. */
    private static final class Inbox extends SimpleChannelInboundHandler<DatagramPacket> {
        final BlockingQueue<DatagramPacket> packets = new LinkedBlockingQueue<>();

        @Override
        protected void channelRead0(ChannelHandlerContext context, DatagramPacket packet) {
            packets.add(packet.retain());
        }

        DatagramPacket next() throws InterruptedException {
            var packet = packets.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
            assertThat(packet).as("a datagram").isNotNull();
            return packet;
        }

        String text() throws InterruptedException {
            var packet = next();
            try {
                return packet.content().toString(StandardCharsets.UTF_8);
            } finally {
                packet.release();
            }
        }
    }

    /** Sends back what comes. */
    private static final class Echo extends SimpleChannelInboundHandler<DatagramPacket> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, DatagramPacket packet) {
            context.write(new DatagramPacket(packet.content().retain(), packet.sender()));
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            context.flush();
        }
    }

    private static Bootstrap bootstrap(EventLoopGroup group, Inbox inbox) {
        return new Bootstrap().group(group).channel(DriverDatagramChannel.class).handler(inbox);
    }

    private static Channel bind(
            EventLoopGroup group, io.netty.channel.ChannelHandler handler, int port)
            throws InterruptedException {
        return new Bootstrap()
                .group(group)
                .channel(DriverDatagramChannel.class)
                .handler(handler)
                .bind("0.0.0.0", port)
                .sync()
                .channel();
    }

    private static InetSocketAddress at(String host) {
        return new InetSocketAddress(host, PORT);
    }

    private static DatagramPacket packet(String text, String host) {
        return new DatagramPacket(Unpooled.copiedBuffer(text, StandardCharsets.UTF_8), at(host));
    }

    @ParameterizedTest
    @CsvSource({"10.0.0.2,0", "fd00::2,0", "10.0.0.2,1", "fd00::2,1"})
    void shouldCarryADatagramThereAndBack(String host, int offloads) throws Exception {
        try (var pair = new Wire.Pair(offloads)) {
            bind(pair.rightGroup, new Echo(), PORT);
            var inbox = new Inbox();
            var channel = bind(pair.leftGroup, inbox, 0);
            channel.writeAndFlush(packet("How far is it?", host)).sync();
            var answer = inbox.next();
            assertThat(answer.sender()).isEqualTo(at(host));
            assertThat(answer.content().toString(StandardCharsets.UTF_8))
                    .isEqualTo("How far is it?");
            answer.release();
            assertThat(pair.left.statistics().malformed()).isZero();
            assertThat(pair.right.statistics().malformed()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.0.0.2", "fd00::2"})
    void shouldCarryEveryLengthWholeAndWithoutACopy(String host) throws Exception {
        long seed = new Random().nextLong();
        var random = new Random(seed);
        try (var pair = new Wire.Pair(0)) {
            bind(pair.rightGroup, new Echo(), PORT);
            var inbox = new Inbox();
            var channel = bind(pair.leftGroup, inbox, 0);
            int most = pair.left.mostPayloadBytes(host.contains(":"));
            for (int length = 0; length <= most; length += length < 70 ? 1 : 97) {
                var bytes = new byte[length];
                random.nextBytes(bytes);
                var content = channel.alloc().directBuffer(length).writeBytes(bytes);
                channel.writeAndFlush(new DatagramPacket(content, at(host))).sync();
                var answer = inbox.next();
                assertThat(ByteBufUtil.getBytes(answer.content()))
                        .as("seed=%d length=%d", seed, length)
                        .isEqualTo(bytes);
                answer.release();
            }
            var bytes = new byte[most];
            random.nextBytes(bytes);
            var content = channel.alloc().directBuffer(most).writeBytes(bytes);
            channel.writeAndFlush(new DatagramPacket(content, at(host))).sync();
            var answer = inbox.next();
            assertThat(ByteBufUtil.getBytes(answer.content())).isEqualTo(bytes);
            answer.release();
            var statistics = pair.right.statistics();
            assertThat(statistics.receivedCopied()).isZero();
            assertThat(statistics.sentInPlace()).as("answers of 60 bytes and more").isPositive();
            assertThat(pair.wire.right().lastParts()).as("the headers stand before it").isOne();
        }
    }

    @ParameterizedTest
    @CsvSource({"10.0.0.2,1472", "fd00::2,1452"})
    void shouldRefuseWhatWouldHaveToBeCut(String host, int most) throws Exception {
        try (var pair = new Wire.Pair(0)) {
            var channel = bind(pair.leftGroup, new Inbox(), 0);
            var content = Unpooled.wrappedBuffer(new byte[most + 1]);
            var write = channel.writeAndFlush(new DatagramPacket(content, at(host)));
            assertThat(write.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
            assertThat(write.cause())
                    .isInstanceOf(FragmentationRefusedException.class)
                    .hasMessageContaining("fragmentation")
                    .hasMessageContaining("mtu=1500")
                    .hasMessageContaining("at most " + most);
            assertThat(content.refCnt()).isZero();
            assertThat(channel.isOpen()).isTrue();
        }
    }

    @Test
    void shouldSendOneBufferToSeveralWithoutACopy() throws Exception {
        try (var pair = new Wire.Pair(FrameOffload.CHECKSUM)) {
            var inbox = new Inbox();
            bind(pair.rightGroup, inbox, PORT);
            var channel = bind(pair.leftGroup, new Inbox(), 0);
            channel.writeAndFlush(packet("first, to find the neighbour", "10.0.0.2")).sync();
            inbox.text();
            var text = "the same bytes, three times, and none of them moved from their place";
            var content = channel.alloc().directBuffer().writeBytes(text.getBytes());
            long before = pair.left.statistics().sentInPlace();
            channel.eventLoop()
                    .submit(
                            () -> {
                                for (int i = 0; i < 3; i++) {
                                    channel.write(
                                            new DatagramPacket(
                                                    content.retainedDuplicate(), at("10.0.0.2")));
                                }
                                content.release();
                                channel.flush();
                            })
                    .sync();
            for (int i = 0; i < 3; i++) {
                assertThat(inbox.text()).isEqualTo(text);
            }
            assertThat(pair.left.statistics().sentInPlace() - before).isEqualTo(3);
            awaitReleased(content);
        }
    }

    private static void awaitReleased(ByteBuf content) throws InterruptedException {
        long start = System.nanoTime();
        while (content.refCnt() > 0
                && System.nanoTime() - start < TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS)) {
            Thread.sleep(1);
        }
        assertThat(content.refCnt()).isZero();
    }

    @Test
    void shouldCopyPartsOfABufferThatIsNotItsOwnMemory() throws Exception {
        try (var pair = new Wire.Pair(0)) {
            var inbox = new Inbox();
            bind(pair.rightGroup, inbox, PORT);
            var channel = bind(pair.leftGroup, new Inbox(), 0);
            var parts =
                    channel.alloc()
                            .compositeBuffer()
                            .addComponent(
                                    true, Unpooled.copiedBuffer("two ", StandardCharsets.UTF_8))
                            .addComponent(
                                    true, Unpooled.copiedBuffer("parts", StandardCharsets.UTF_8));
            channel.writeAndFlush(new DatagramPacket(parts, at("10.0.0.2"))).sync();
            assertThat(inbox.text()).isEqualTo("two parts");
            assertThat(pair.left.statistics().sentInPlace()).isZero();
        }
    }

    @Test
    void shouldSendWhatHasOutgrownItsSlot() throws Exception {
        try (var pair = new Wire.Pair(0)) {
            var inbox = new Inbox();
            bind(pair.rightGroup, inbox, PORT);
            var channel = bind(pair.leftGroup, new Inbox(), 0);
            var slot = pair.left.allocator().slotCapacityBytes();
            for (int turn = 0; turn < 2 * pair.left.allocator().slots(); turn++) {
                var content = channel.alloc().directBuffer(16);
                content.writeBytes("kept ".getBytes()).writeZero(slot).writeByte('!');
                content.setIndex(0, 5);
                assertThat(content.release()).isTrue();
            }
            var content = channel.alloc().directBuffer(16).writeBytes("kept ".getBytes());
            content.capacity(slot + 1);
            channel.writeAndFlush(new DatagramPacket(content, at("10.0.0.2"))).sync();
            assertThat(inbox.text()).isEqualTo("kept ");
        }
    }

    @Test
    void shouldNotBeWritableWhileTheQueueIsFullAndWriteOnWhenThereIsRoom() throws Exception {
        try (var pair = new Wire.Pair(0)) {
            var inbox = new Inbox();
            bind(pair.rightGroup, inbox, PORT);
            var channel =
                    bootstrap(pair.leftGroup, new Inbox())
                            .option(
                                    ChannelOption.WRITE_BUFFER_WATER_MARK,
                                    new WriteBufferWaterMark(20_000, 40_000))
                            .bind("0.0.0.0", 0)
                            .sync()
                            .channel();
            channel.writeAndFlush(packet("hello", "10.0.0.2")).sync();
            inbox.text();
            pair.wire.left().stick(true);
            io.netty.channel.ChannelFuture last = null;
            int count = 0;
            while (channel.isWritable() && count < 1_000) {
                var content = channel.alloc().directBuffer(1_000).writeZero(1_000);
                last = channel.writeAndFlush(new DatagramPacket(content, at("10.0.0.2")));
                count++;
                channel.eventLoop().submit(() -> {}).sync();
            }
            assertThat(channel.isWritable()).as("after %d", count).isFalse();
            assertThat(last.isDone()).isFalse();
            pair.wire.left().stick(false);
            assertThat(last.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
            assertThat(last.isSuccess()).isTrue();
            assertThat(channel.isWritable()).isTrue();
        }
    }

    @Test
    void shouldSayThatANeighbourDoesNotAnswer() throws Exception {
        try (var pair = new Wire.Pair(0)) {
            var channel = bind(pair.leftGroup, new Inbox(), 0);
            var first = packet("is anybody there?", "10.0.0.77");
            channel.writeAndFlush(first).sync();
            awaitReleased(first.content());
            assertThat(pair.left.statistics().unreachable()).isOne();
            var second = channel.writeAndFlush(packet("once more", "10.0.0.77")).await();
            assertThat(second.cause())
                    .isInstanceOf(NoRouteToHostException.class)
                    .hasMessageContaining("10.0.0.77");
        }
    }

    @Test
    void shouldSayThatThereIsNoWay() throws Exception {
        try (var pair = new Wire.Pair(0)) {
            var channel = bind(pair.leftGroup, new Inbox(), 0);
            assertThat(channel.writeAndFlush(packet("x", "192.168.7.7")).await().cause())
                    .isInstanceOf(NoRouteToHostException.class)
                    .hasMessageContaining("gateway");
            assertThat(channel.writeAndFlush(packet("x", "10.0.0.255")).await().cause())
                    .isInstanceOf(SocketException.class)
                    .hasMessageContaining("SO_BROADCAST");
            assertThat(channel.isOpen()).isTrue();
        }
    }

    @Test
    void shouldRefuseAPortThatIsTakenAndAnAddressThatIsNotItsOwn() throws Exception {
        try (var pair = new Wire.Pair(0)) {
            var first = bind(pair.leftGroup, new Inbox(), PORT);
            assertThatThrownBy(() -> bind(pair.leftGroup, new Inbox(), PORT))
                    .isInstanceOf(BindException.class)
                    .hasMessageContaining("port 7");
            assertThatThrownBy(
                            () ->
                                    bootstrap(pair.leftGroup, new Inbox())
                                            .bind("10.0.0.9", PORT)
                                            .sync())
                    .isInstanceOf(BindException.class)
                    .hasMessageContaining("10.0.0.9");
            first.close().sync();
            bind(pair.leftGroup, new Inbox(), PORT).close().sync();
        }
    }

    @Test
    void shouldHearOnlyItsPeerWhenConnected() throws Exception {
        try (var pair = new Wire.Pair(0)) {
            bind(pair.rightGroup, new Echo(), PORT);
            var other = bind(pair.rightGroup, new Inbox(), 8);
            var inbox = new Inbox();
            var channel =
                    bootstrap(pair.leftGroup, inbox).connect("10.0.0.2", PORT).sync().channel();
            channel.writeAndFlush(Unpooled.copiedBuffer("only you", StandardCharsets.UTF_8)).sync();
            assertThat(inbox.text()).isEqualTo("only you");
            var own = (InetSocketAddress) channel.localAddress();
            var stranger =
                    new DatagramPacket(
                            Unpooled.copiedBuffer("stranger", StandardCharsets.UTF_8),
                            new InetSocketAddress("10.0.0.1", own.getPort()));
            other.writeAndFlush(stranger).sync();
            channel.writeAndFlush(Unpooled.copiedBuffer("again", StandardCharsets.UTF_8)).sync();
            assertThat(inbox.text()).isEqualTo("again");
            assertThat(pair.left.statistics().unclaimed()).isOne();
        }
    }

    @Test
    void shouldKeepDatagramsOfAChannelThatDoesNotReadAndNoMoreThanItMay() throws Exception {
        try (var pair = new Wire.Pair(0)) {
            var inbox = new Inbox();
            var reader =
                    bootstrap(pair.rightGroup, inbox)
                            .option(ChannelOption.AUTO_READ, false)
                            .option(ChannelOption.SO_RCVBUF, 40 * 2048)
                            .bind("0.0.0.0", PORT)
                            .sync()
                            .channel();
            var channel = bind(pair.leftGroup, new Inbox(), 0);
            for (int i = 0; i < 50; i++) {
                channel.writeAndFlush(packet("number " + i, "10.0.0.2")).sync();
            }
            long start = System.nanoTime();
            while (pair.right.statistics().overrun() < 10
                    && System.nanoTime() - start < TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS)) {
                Thread.sleep(1);
            }
            assertThat(pair.right.statistics().overrun()).isEqualTo(10);
            assertThat(pair.right.statistics().receivedCopied())
                    .as("half of the buffers are there to receive into")
                    .isPositive();
            assertThat(inbox.packets).isEmpty();
            reader.read();
            for (int i = 0; i < 40; i++) {
                assertThat(inbox.text()).isEqualTo("number " + i);
            }
            reader.config().setAutoRead(true);
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
            while (pair.wire.right().receiveBuffersWithDevice() < Wire.BUFFERS
                    && System.nanoTime() < deadline) {
                channel.writeAndFlush(packet("more", "10.0.0.2")).sync();
                assertThat(inbox.text()).isEqualTo("more");
            }
            assertThat(pair.wire.right().receiveBuffersWithDevice()).isEqualTo(Wire.BUFFERS);
        }
    }

    @Test
    void shouldCarryGroupsToWhoJoinedThem() throws Exception {
        try (var pair = new Wire.Pair(0)) {
            var inbox = new Inbox();
            var other = new Inbox();
            var group = InetAddress.getByName("239.1.2.3");
            var joined =
                    (DatagramChannel)
                            bootstrap(pair.rightGroup, inbox)
                                    .option(ChannelOption.SO_REUSEADDR, true)
                                    .bind("0.0.0.0", PORT)
                                    .sync()
                                    .channel();
            bootstrap(pair.rightGroup, other)
                    .option(ChannelOption.SO_REUSEADDR, true)
                    .bind("0.0.0.0", PORT)
                    .sync();
            joined.joinGroup(group).sync();
            var channel = bind(pair.leftGroup, new Inbox(), 0);
            channel.writeAndFlush(packet("to all of you", "239.1.2.3")).sync();
            assertThat(inbox.text()).isEqualTo("to all of you");
            joined.leaveGroup(group).sync();
            channel.writeAndFlush(packet("nobody hears this", "239.1.2.3")).sync();
            channel.writeAndFlush(packet("but one of you this", "10.0.0.2")).sync();
            long start = System.nanoTime();
            while (inbox.packets.isEmpty()
                    && other.packets.isEmpty()
                    && System.nanoTime() - start < TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS)) {
                Thread.sleep(1);
            }
            assertThat(inbox.packets.size() + other.packets.size()).isOne();
            var heard = inbox.packets.isEmpty() ? other : inbox;
            assertThat(heard.text()).isEqualTo("but one of you this");
        }
    }

    @Test
    void shouldHearItself() throws Exception {
        try (var pair = new Wire.Pair(0)) {
            var inbox = new Inbox();
            bind(pair.leftGroup, inbox, PORT);
            var channel = bind(pair.leftGroup, new Inbox(), 0);
            channel.writeAndFlush(packet("myself", "10.0.0.1")).sync();
            assertThat(inbox.text()).isEqualTo("myself");
        }
    }

    @Test
    void shouldRefuseWhatIsNoDatagram() throws Exception {
        try (var pair = new Wire.Pair(0)) {
            var channel = bind(pair.leftGroup, new Inbox(), 0);
            assertThat(channel.writeAndFlush("text").await().cause())
                    .isInstanceOf(UnsupportedOperationException.class);
            assertThat(channel.writeAndFlush(Unpooled.buffer()).await().cause()).isNotNull();
            var nowhere =
                    new DatagramPacket(Unpooled.buffer(), new InetSocketAddress("10.0.0.2", 0));
            assertThat(channel.writeAndFlush(nowhere).await().cause())
                    .isInstanceOf(IOException.class);
        }
    }

    @Test
    void shouldGiveAllMemoryBack() throws Exception {
        var wire = new Wire(0);
        long free = wire.left().freeBytes();
        var network = DriverInterface.open(wire.left(), wire.left(), IpSettings.of("10.0.0.1"));
        assertThat(wire.left().freeBytes()).isLessThan(free);
        var group = new DriverEventLoopGroup(network);
        var channel = bind(group, new Inbox(), 0);
        channel.writeAndFlush(packet("nobody is there", "10.0.0.2")).sync();
        group.shutdownGracefully(0, 1, TimeUnit.SECONDS).sync();
        assertThat(channel.isOpen()).isFalse();
        network.close();
        network.close();
        assertThat(wire.left().freeBytes()).isEqualTo(free);
        wire.close();
    }

    @Test
    void shouldRunMoreThanOneTurnOfTheQueue() throws Exception {
        try (var pair = new Wire.Pair(0)) {
            bind(pair.rightGroup, new Echo(), PORT);
            var inbox = new Inbox();
            var channel = bind(pair.leftGroup, inbox, 0);
            for (int i = 0; i < 10 * Wire.BUFFERS; i++) {
                var content = channel.alloc().directBuffer().writeInt(i).writeZero(100);
                channel.writeAndFlush(new DatagramPacket(content, at("10.0.0.2"))).sync();
                var answer = inbox.next();
                assertThat(answer.content().readInt()).isEqualTo(i);
                answer.release();
            }
            assertThat(pair.left.allocator().ordinaryBuffers()).isZero();
        }
    }
}
