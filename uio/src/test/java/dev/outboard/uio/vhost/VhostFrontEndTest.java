package dev.outboard.uio.vhost;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.uio.ConnectionRefusedException;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixServer;
import dev.outboard.uio.UnixSocket;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Both ends of the protocol against each other, in one process. */
@Timeout(30)
final class VhostFrontEndTest {
    private static final long ALL =
            VhostFeatures.PROTOCOL_MQ
                    | VhostFeatures.PROTOCOL_REPLY_ACK
                    | VhostFeatures.PROTOCOL_CONFIG
                    | VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS;

    @TempDir Path directory;
    private final RecordingBackEnd backEnd = new RecordingBackEnd();
    private int openBefore;
    private UnixServer server;
    private SessionThread device;
    private VhostFrontEnd frontEnd;

    @BeforeEach
    void connect() {
        openBefore = Descriptor.openCount();
        backEnd.protocolFeatures |= VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS;
        server = UnixServer.listen(directory.resolve("d.sock"), UnixSocket.Kind.STREAM);
        device = SessionThread.serve(server, backEnd);
        frontEnd = VhostFrontEnd.connect(server.path(), TimeUnit.SECONDS.toNanos(10));
    }

    @AfterEach
    void closeAndCount() throws InterruptedException {
        frontEnd.close();
        device.close();
        server.close();
        backEnd.close();
        assertThat(Descriptor.openCount()).as("no descriptor leaks").isEqualTo(openBefore);
    }

    private void negotiate(long protocolFeatures) {
        frontEnd.setOwner();
        assertThat(frontEnd.features())
                .isEqualTo(RecordingBackEnd.FEATURES | VhostFeatures.PROTOCOL_FEATURES);
        assertThat(frontEnd.protocolFeatures()).isEqualTo(ALL);
        frontEnd.setProtocolFeatures(protocolFeatures);
    }

    private static MemoryRegion region(int index, MemoryFile file) {
        return new MemoryRegion(
                0x1_0000_0000L + index * 0x10_0000L,
                file.lengthBytes(),
                0x7000_0000_0000L + index * 0x10_0000L,
                0,
                file.descriptor());
    }

    @Test
    void shouldSetUpAndStopAQueue() throws InterruptedException {
        negotiate(ALL);
        assertThat(frontEnd.queueCount()).isEqualTo(4);
        assertThat(frontEnd.memorySlots()).isEqualTo(32);
        frontEnd.setFeatures(1L << 32 | VhostFeatures.PROTOCOL_FEATURES);
        try (MemoryFile file = MemoryFile.create("fe", 8192);
                EventDescriptor kick = EventDescriptor.create();
                EventDescriptor call = EventDescriptor.create()) {
            frontEnd.setMemoryTable(List.of(region(0, file)));
            frontEnd.setVringCall(1, call);
            frontEnd.setVringError(1, null);
            frontEnd.setVringSize(1, 256);
            frontEnd.setVringBase(1, 0);
            frontEnd.setVringAddresses(1, 0x1000, 0x3000, 0x2000);
            frontEnd.setVringKick(1, kick);
            frontEnd.setVringEnabled(1, true);
            kick.signal();
            assertThat(backEnd.kicks.get(1).await(TimeUnit.SECONDS.toNanos(10))).isTrue();
            backEnd.callEvents.get(1).signal();
            assertThat(call.await(TimeUnit.SECONDS.toNanos(10))).isTrue();
            frontEnd.setVringEnabled(1, false);
            assertThat(frontEnd.stopVring(1)).isEqualTo(7);
            assertThat(frontEnd.isPeerGone()).isFalse();
        }
        frontEnd.close();
        assertThat(device.awaitEnd()).isEqualTo("the front-end closed the connection");
        assertThat(backEnd.calls)
                .containsExactly(
                        "owner",
                        "features 0x140000000",
                        "memory 1",
                        "call 1 true",
                        "error 1 false",
                        "size 1 256",
                        "base 1 0",
                        "addresses 1 0x1000 0x3000 0x2000",
                        "kick 1 true",
                        "enabled 1 true",
                        "enabled 1 false",
                        "stop 1");
    }

    @Test
    void shouldDoWithoutProtocolFeatures() throws InterruptedException {
        frontEnd.setOwner();
        frontEnd.setFeatures(1L << 32);
        try (MemoryFile file = MemoryFile.create("fe", 8192);
                EventDescriptor kick = EventDescriptor.create()) {
            frontEnd.setMemoryTable(List.of(region(0, file)));
            frontEnd.setVringKick(0, kick);
            frontEnd.setVringEnabled(0, true);
        }
        assertThatThrownBy(() -> frontEnd.setVringEnabled(0, false))
                .isInstanceOf(IllegalStateException.class);
        frontEnd.close();
        device.awaitEnd();
        assertThat(backEnd.calls)
                .containsExactly(
                        "owner",
                        "features 0x100000000",
                        "memory 1",
                        "kick 0 true",
                        "enabled 0 true");
    }

    @Test
    void shouldTellARefusalAtTheCallThatCausedIt() {
        negotiate(VhostFeatures.PROTOCOL_REPLY_ACK);
        assertThatThrownBy(() -> frontEnd.setVringSize(9, 256))
                .isInstanceOf(VhostProtocolException.class)
                .hasMessageContaining("refused SET_VRING_NUM")
                .hasMessageContaining("d.sock");
        frontEnd.setVringSize(0, 256);
        assertThat(frontEnd.features()).isNotZero();
    }

    @Test
    void shouldReadAndWriteTheConfigurationSpace() {
        negotiate(ALL);
        frontEnd.writeConfig(8, new byte[] {1, 2, 3});
        assertThat(frontEnd.readConfig(7, 6)).containsExactly(0, 1, 2, 3, 0, 0);
        assertThatThrownBy(() -> frontEnd.readConfig(58, 4))
                .isInstanceOf(VhostProtocolException.class)
                .hasMessageContaining("no configuration space at offset=0x3a");
        assertThatThrownBy(() -> frontEnd.readConfig(250, 8))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(frontEnd.readConfig(0, 60)).hasSize(60);
    }

    @Test
    void shouldTellOfMoreRegionsThanOneMessageHolds() {
        negotiate(ALL);
        List<MemoryFile> files =
                IntStream.range(0, 20).mapToObj(i -> MemoryFile.create("fe" + i, 4096)).toList();
        try {
            List<MemoryRegion> regions =
                    IntStream.range(0, 20).mapToObj(i -> region(i, files.get(i))).toList();
            frontEnd.setMemoryTable(regions);
            assertThat(backEnd.regions).hasSize(20);
            frontEnd.removeMemory(regions.get(3));
            assertThat(backEnd.regions).hasSize(19);
            frontEnd.addMemory(regions.get(3));
            assertThat(backEnd.regions).hasSize(20);
            frontEnd.setMemoryTable(regions.subList(0, 2));
            assertThat(backEnd.regions).hasSize(2);
            assertThatThrownBy(() -> frontEnd.removeMemory(regions.get(5)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("was never told of");
        } finally {
            files.forEach(MemoryFile::close);
        }
    }

    @Test
    void shouldRefuseTooManyRegionsBeforeAnythingIsSent() {
        negotiate(VhostFeatures.PROTOCOL_REPLY_ACK);
        try (MemoryFile file = MemoryFile.create("fe", 4096)) {
            List<MemoryRegion> nine = IntStream.range(0, 9).mapToObj(i -> region(i, file)).toList();
            assertThatThrownBy(() -> frontEnd.setMemoryTable(nine))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("use fewer, larger segments");
            assertThat(backEnd.calls).containsExactly("owner");
            frontEnd.setMemoryTable(nine.subList(0, 8));
            assertThatThrownBy(() -> frontEnd.addMemory(nine.get(8)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("takes 8 regions")
                    .hasMessageContaining("unplug one first");
        }
        assertThat(backEnd.regions).hasSize(8);
    }

    /** As QEMU does: what is there is told again. Without confirmations, too, it is done. */
    @ParameterizedTest
    @ValueSource(longs = {VhostFeatures.PROTOCOL_REPLY_ACK, 0})
    void shouldChangeTheWholeTableWhereThereAreNoMemorySlots(long protocolFeatures) {
        negotiate(protocolFeatures);
        try (MemoryFile file = MemoryFile.create("fe", 4096)) {
            List<MemoryRegion> three =
                    IntStream.range(0, 3).mapToObj(i -> region(i, file)).toList();
            frontEnd.setMemoryTable(three.subList(0, 2));
            frontEnd.addMemory(three.get(2));
            assertThat(backEnd.regions).hasSize(3).allMatch(isOneOf(three));
            frontEnd.removeMemory(three.get(1));
            assertThat(backEnd.regions).hasSize(2).noneMatch(three.get(1)::isSamePlace);
            assertThatThrownBy(() -> frontEnd.removeMemory(three.get(1)))
                    .hasMessageContaining("was never told of");
        }
        assertThat(backEnd.calls).contains("memory 2", "memory 3").doesNotContain("memory added");
    }

    private static Predicate<MemoryRegion> isOneOf(List<MemoryRegion> all) {
        return region -> all.stream().anyMatch(region::isSamePlace);
    }

    @Test
    void shouldKnowOfNoChangeThatTheBackEndRefused() {
        negotiate(ALL);
        try (MemoryFile file = MemoryFile.create("fe", 4096)) {
            MemoryRegion first = region(0, file);
            MemoryRegion second = region(1, file);
            frontEnd.setMemoryTable(List.of(first));
            backEnd.refusesMemory = true;
            assertThatThrownBy(() -> frontEnd.addMemory(second))
                    .isInstanceOf(VhostProtocolException.class)
                    .hasMessageContaining("ADD_MEM_REG");
            assertThatThrownBy(() -> frontEnd.removeMemory(second))
                    .hasMessageContaining("was never told of");
            assertThatThrownBy(() -> frontEnd.removeMemory(first))
                    .isInstanceOf(VhostProtocolException.class)
                    .hasMessageContaining("REM_MEM_REG");
            backEnd.refusesMemory = false;
            frontEnd.addMemory(second);
            frontEnd.removeMemory(first);
            assertThat(backEnd.regions).hasSize(1).allMatch(second::isSamePlace);
        }
    }

    @Test
    void shouldNotUseWhatWasNotNegotiated() {
        negotiate(0);
        assertThatThrownBy(frontEnd::queueCount).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> frontEnd.readConfig(0, 4))
                .isInstanceOf(IllegalStateException.class);
        assertThat(frontEnd.memorySlots()).isEqualTo(8);
    }

    @Test
    void shouldSeeThatTheDeviceIsGone() throws InterruptedException {
        negotiate(ALL);
        device.close();
        assertThat(frontEnd.isPeerGone()).isTrue();
        assertThatThrownBy(() -> frontEnd.setVringSize(0, 1))
                .isInstanceOf(PeerGoneException.class)
                .hasMessageContaining("d.sock");
        assertThat(frontEnd.isPeerGone()).isTrue();
        device = SessionThread.serve(server, backEnd);
    }

    @Test
    void shouldSayWhatToDoWhenNobodyListens() {
        assertThatThrownBy(() -> VhostFrontEnd.connect(directory.resolve("none"), 0))
                .isInstanceOf(ConnectionRefusedException.class)
                .hasMessageContaining("start its server");
    }
}
