package dev.outboard.uio.vhost;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.UnixServer;
import dev.outboard.uio.UnixSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Both our ends against DPDK's: net_vhost, a back-end, and virtio-user, a front-end. */
@Timeout(60)
final class DpdkTest {
    private static final long PATIENCE_MILLIS = 20_000;
    private static final long PATIENCE = TimeUnit.MILLISECONDS.toNanos(PATIENCE_MILLIS);

    @TempDir Path directory;

    private PeerProcess testpmd(String port, String mode) {
        List<String> arguments =
                new ArrayList<>(
                        List.of("--in-memory", "--single-file-segments", "-m", "64", "--no-pci"));
        arguments.addAll(List.of("--main-lcore", "0", "--lcores", "0@(0,1),1@(0,1)"));
        arguments.addAll(List.of("--log-level", "lib.vhost.config:8", "--vdev", port, "--"));
        arguments.addAll(List.of("--total-num-mbufs=2048", "--stats-period", "1"));
        arguments.add("--forward-mode=" + mode);
        return PeerProcess.start(directory, "dpdk-testpmd", arguments);
    }

    @Test
    void shouldSetUpTheQueuesOfABackEnd() throws InterruptedException {
        int openBefore = Descriptor.openCount();
        Path socket = directory.resolve("v.sock");
        try (PeerProcess peer = testpmd("net_vhost0,queues=1,iface=" + socket, "rxonly");
                VhostFrontEnd frontEnd = VhostFrontEnd.connect(socket, PATIENCE);
                OneRequestRing receive = new OneRequestRing();
                OneRequestRing transmit = new OneRequestRing();
                EventDescriptor kick = EventDescriptor.create();
                EventDescriptor call = EventDescriptor.create()) {
            frontEnd.setOwner();
            assertThat(frontEnd.features()).isEqualTo(0xd7c66e7cbL);
            assertThat(frontEnd.protocolFeatures()).isEqualTo(0x10cbfL);
            frontEnd.setProtocolFeatures(
                    VhostFeatures.PROTOCOL_MQ | VhostFeatures.PROTOCOL_REPLY_ACK);
            assertThat(frontEnd.queueCount()).as("pairs, whatever queues=1 says").isEqualTo(128);
            frontEnd.setFeatures(1L << 32 | VhostFeatures.PROTOCOL_FEATURES);
            MemoryRegion second = transmit.region();
            frontEnd.setMemoryTable(List.of(receive.region(), elsewhere(second)));
            for (int queue = 0; queue < 2; queue++) {
                long base = OneRequestRing.USER + queue * OneRequestRing.DISTANCE;
                frontEnd.setVringCall(queue, call);
                frontEnd.setVringSize(queue, OneRequestRing.ENTRIES);
                frontEnd.setVringBase(queue, 0);
                frontEnd.setVringAddresses(queue, base, base + 0x800, base + 0x400);
                frontEnd.setVringKick(queue, kick);
                frontEnd.setVringEnabled(queue, true);
            }
            assertThat(frontEnd.stopVring(0)).isZero();
            assertThat(frontEnd.stopVring(1)).isZero();
            assertThat(peer.output()).contains("virtio is now ready for processing");
            peer.kill();
            assertThat(frontEnd.isPeerGone()).isTrue();
        }
        assertThat(Descriptor.openCount()).isEqualTo(openBefore);
    }

    @Test
    void shouldTranslateForABackEndWithAnIotlb() throws InterruptedException {
        int openBefore = Descriptor.openCount();
        Path socket = directory.resolve("i.sock");
        String port = "net_vhost0,queues=1,iommu-support=1,iface=" + socket;
        Translations asked = new Translations();
        try (PeerProcess peer = testpmd(port, "txonly");
                VhostFrontEnd frontEnd = VhostFrontEnd.connect(socket, PATIENCE);
                OneRequestRing receive = new OneRequestRing();
                OneRequestRing transmit = new OneRequestRing();
                EventDescriptor kick = EventDescriptor.create()) {
            frontEnd.setOwner();
            assertThat(frontEnd.features() & VhostFeatures.ACCESS_PLATFORM).isNotZero();
            frontEnd.setProtocolFeatures(
                    VhostFeatures.PROTOCOL_MQ
                            | VhostFeatures.PROTOCOL_REPLY_ACK
                            | VhostFeatures.PROTOCOL_BACKEND_REQ);
            frontEnd.setFeatures(
                    1L << 32 | VhostFeatures.ACCESS_PLATFORM | VhostFeatures.PROTOCOL_FEATURES);
            frontEnd.setMemoryTable(List.of(receive.region(), elsewhere(transmit.region())));
            try (BackEndChannel channel = frontEnd.openBackEndChannel(asked)) {
                for (int queue = 0; queue < 2; queue++) {
                    long iova = OneRequestRing.GUEST + queue * OneRequestRing.DISTANCE;
                    frontEnd.setVringSize(queue, OneRequestRing.ENTRIES);
                    frontEnd.setVringBase(queue, 0);
                    frontEnd.setVringAddresses(queue, iova, iova + 0x800, iova + 0x400);
                    frontEnd.setVringCall(queue, null);
                    frontEnd.setVringKick(queue, kick);
                    frontEnd.setVringEnabled(queue, true);
                }
                receive.offerBuffer();
                kick.signal();
                answer(frontEnd, channel, asked, receive);
                assertThat(asked.all).contains(OneRequestRing.GUEST);
                frontEnd.invalidateIotlb(OneRequestRing.GUEST, 0x4000);
                assertThat(frontEnd.stopVring(0)).isEqualTo(1);
            }
            assertThat(peer.isAlive()).isTrue();
            peer.kill();
        }
        assertThat(Descriptor.openCount()).isEqualTo(openBefore);
    }

    /** What the back-end asked for: outside of its own thread, so that the answer may be sent. */
    private static final class Translations implements BackEndChannel.Listener {
        final List<Long> all = new ArrayList<>();
        final List<Long> open = new ArrayList<>();

        @Override
        public boolean iotlbMissed(long iova, int access) {
            all.add(iova);
            open.add(iova);
            return true;
        }

        @Override
        public void accessFailed(long iova, int access) {
            throw new AssertionError("fault at 0x%x".formatted(iova));
        }
    }

    /** Answers misses until the back-end has put a frame into the ring. */
    private static void answer(
            VhostFrontEnd frontEnd,
            BackEndChannel channel,
            Translations asked,
            OneRequestRing receive) {
        long deadline = System.nanoTime() + PATIENCE;
        try (Epoll epoll = Epoll.create()) {
            epoll.add(channel.descriptor(), Epoll.READABLE, 0);
            while (!receive.isPending()) {
                assertThat(System.nanoTime()).as("asked for %s", asked.all).isLessThan(deadline);
                epoll.await(1_000_000, (token, events) -> channel.onReadable());
                assertThat(channel.reason()).isNull();
                for (long iova : asked.open) {
                    long page = iova & -4096;
                    long user = page - OneRequestRing.GUEST + OneRequestRing.USER;
                    frontEnd.updateIotlb(page, 4096, user, 3);
                }
                asked.open.clear();
            }
        }
    }

    private static MemoryRegion elsewhere(MemoryRegion region) {
        return new MemoryRegion(
                region.guestAddress() + OneRequestRing.DISTANCE,
                region.lengthBytes(),
                region.userAddress() + OneRequestRing.DISTANCE,
                0,
                region.descriptor());
    }

    @Test
    void shouldServeAFrontEndUntilItIsKilled() throws InterruptedException {
        int openBefore = Descriptor.openCount();
        Path socket = directory.resolve("u.sock");
        RecordingBackEnd backEnd = new RecordingBackEnd();
        backEnd.queueCount = 2;
        backEnd.protocolFeatures = 0;
        try (UnixServer server = UnixServer.listen(socket, UnixSocket.Kind.STREAM);
                SessionThread device = SessionThread.serve(server, backEnd);
                PeerProcess peer =
                        testpmd("net_virtio_user0,queues=1,server=0,path=" + socket, "txonly")) {
            assertThat(backEnd.awaitCall("enabled 1 true", PATIENCE_MILLIS))
                    .as(peer.output())
                    .isTrue();
            assertThat(backEnd.kicks.get(1).await(PATIENCE)).as("a kick").isTrue();
            peer.kill();
            assertThat(device.awaitEnd()).isEqualTo("the front-end closed the connection");
            assertThat(backEnd.calls)
                    .startsWith("owner")
                    .contains("features 0x140000000", "kick 0 true", "call 1 true", "base 1 0");
            assertThat(backEnd.regions).isNotEmpty();
            mapAll(backEnd.regions);
        }
        backEnd.close();
        assertThat(Descriptor.openCount()).isEqualTo(openBefore);
    }

    /** Its memory is of huge pages, where there are any. */
    private static void mapAll(List<MemoryRegion> regions) {
        for (MemoryRegion region : regions) {
            try (MemoryFile file = MemoryFile.adopt(region.descriptor().duplicate());
                    Mapping part = file.map(region.fileOffset(), region.lengthBytes(), true);
                    Mapping unaligned = file.map(region.fileOffset() + 5000, 100, false)) {
                assertThat(part.lengthBytes()).isEqualTo(region.lengthBytes());
                assertThat(unaligned.memory().mismatch(part.memory().asSlice(5000, 100)))
                        .isEqualTo(-1);
            }
        }
    }
}
