package dev.outboard.uio.vfiouser;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixSocket;
import dev.outboard.uio.pci.PciIdentity;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Client and server of vfio-user, with each other and with peers that lie. */
@Timeout(60)
class VfioUserTest {
    private static final long TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final int PAGE = 4096;

    @TempDir Path directory;

    private ToyFunction toy(boolean isShared, int vectors) {
        return new ToyFunction(directory.resolve("toy.sock"), isShared, vectors);
    }

    private VfioUserClient client() {
        return VfioUserClient.connect(directory.resolve("toy.sock"), TIMEOUT_NANOS);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldReachRegistersMappedAndByMessage(boolean isShared) {
        int before = Descriptor.openCount();
        try (var toy = toy(isShared, 4);
                var client = client()) {
            assertThat(PciIdentity.of(client.configuration())).hasToString("1234:11e8");
            var registers = client.region(0);
            assertThat(registers.lengthBytes()).isEqualTo(ToyFunction.BAR_BYTES);
            registers.putInt(8, 0x1234_5678);
            registers.putShort(14, (short) 0xabcd);
            registers.putByte(12, (byte) 0xef);
            assertThat(registers.getInt(8)).isEqualTo(0x1234_5678);
            assertThat(registers.getLong(8)).isEqualTo(0xabcd_00ef_1234_5678L);
            registers.putLong(ToyFunction.WIDE, -2);
            assertThat(registers.getLong(ToyFunction.WIDE)).isEqualTo(-2);
            assertThatThrownBy(() -> registers.getInt(ToyFunction.WIDE))
                    .isInstanceOf(VfioUserException.class)
                    .hasMessageContaining("refuses REGION_READ");
            registers.putInt(ToyFunction.DOORBELLS + 12, 77);
            assertThat(registers.getInt(ToyFunction.DOORBELLS + 12)).isEqualTo(77);
            assertThat(toy.doorbell(3)).as("in shared memory").isEqualTo(isShared ? 77 : 0);
            assertThatThrownBy(() -> registers.getInt(ToyFunction.BAR_BYTES))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> client.region(1)).hasMessageContaining("base address 1");
            client.reset();
            assertThat(registers.getInt(8)).isZero();
            assertThat(toy.resets).isOne();
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 100, 512})
    void shouldSignalEveryVector(int vectors) {
        int before = Descriptor.openCount();
        try (var toy = toy(false, vectors);
                var client = client()) {
            assertThat(client.maximumVectors()).isEqualTo(vectors);
            var events = new ArrayList<EventDescriptor>();
            for (int vector = 0; vector < vectors; vector++) {
                events.add(EventDescriptor.create());
            }
            client.signal(events);
            var registers = client.region(0);
            for (int vector : new int[] {0, vectors / 2, vectors - 1}) {
                registers.putLong(ToyFunction.GO, vector);
                assertThat(events.get(vector).await(TIMEOUT_NANOS)).isTrue();
                assertThat(events.get(vector).drain()).isOne();
            }
            client.signal(List.of());
            registers.putLong(ToyFunction.GO, 0);
            assertThat(events.getFirst().drain()).as("to nobody").isZero();
            events.add(EventDescriptor.create());
            assertThatThrownBy(() -> client.signal(events))
                    .hasMessageContaining("interrupt vectors");
            events.forEach(EventDescriptor::close);
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldReachMemoryWhileItIsMappedOnly(boolean isByFile) {
        try (var toy = toy(false, 1);
                var client = client();
                var file = MemoryFile.create("dma", 4 * PAGE)) {
            file.sealSize();
            try (var mapping = file.map(0, 4 * PAGE, true)) {
                var memory = mapping.memory();
                var bytes = new byte[PAGE];
                new Random(3).nextBytes(bytes);
                memory.asSlice(0, PAGE).copyFrom(MemorySegment.ofArray(bytes));
                var descriptor = isByFile ? file.descriptor() : null;
                client.map(0x10000, memory.asSlice(0, PAGE), descriptor, 0, 1);
                client.map(0x20000, memory.asSlice(PAGE, PAGE), descriptor, PAGE, 3);
                assertThat(copy(client, 0x10000, 0x20000, PAGE)).isOne();
                assertThat(memory.asSlice(PAGE, PAGE).mismatch(memory.asSlice(0, PAGE)))
                        .isEqualTo(-1);
                assertThat(copy(client, 0x20000, 0x10000, 8)).as("read-only").isEqualTo(2);
                assertThat(copy(client, 0x10000, 0x20000, PAGE + 1)).as("beyond").isEqualTo(2);
                assertThat(copy(client, 0x30000, 0x20000, 8)).as("nothing").isEqualTo(2);
                assertThatThrownBy(() -> client.map(0x20800, memory.asSlice(0, PAGE), null, 0, 3))
                        .isInstanceOf(VfioUserException.class)
                        .hasMessageContaining("errno=22");
                memory.asSlice(PAGE, PAGE).fill((byte) 0);
                client.unmap(0x20000, PAGE);
                assertThat(copy(client, 0x10000, 0x20000, PAGE)).as("unmapped").isEqualTo(2);
                assertThat(memory.asSlice(PAGE, PAGE).toArray(ValueLayout.JAVA_BYTE))
                        .containsOnly(0);
                assertThatThrownBy(() -> client.unmap(0x20000, PAGE))
                        .isInstanceOf(VfioUserException.class);
            }
        }
    }

    private static long copy(VfioUserClient client, long from, long to, long length) {
        var registers = client.region(0);
        registers.putLong(ToyFunction.SOURCE, from);
        registers.putLong(ToyFunction.TARGET, to);
        registers.putLong(ToyFunction.LENGTH, length);
        registers.putLong(ToyFunction.GO, 0);
        return registers.getLong(ToyFunction.RESULT);
    }

    @Test
    void shouldServeOneClientAfterAnother() {
        try (var toy = toy(true, 2)) {
            for (int round = 0; round < 20; round++) {
                try (var client = client()) {
                    client.region(0).putInt(0, round);
                    assertThat(client.region(0).getInt(0)).isEqualTo(round);
                }
            }
            assertThat(toy.ends.stream().distinct().toList())
                    .allMatch(end -> end.contains("closed the connection"));
        }
    }

    @Test
    void shouldTellAClientThatItsServerIsGone() {
        var toy = toy(false, 1);
        try (var client = client()) {
            var told = new boolean[1];
            client.onGone(() -> told[0] = true);
            toy.close();
            assertThatThrownBy(() -> client.region(0).getInt(0))
                    .isInstanceOf(PeerGoneException.class);
            assertThat(client.isGone()).isTrue();
        }
    }

    /** What a hostile client may send: its session ends, or it is told no; the next is served. */
    @Test
    void shouldLiveThroughAnythingAClientSends() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        int before = Descriptor.openCount();
        try (var toy = toy(true, 4);
                var arena = Arena.ofConfined()) {
            var buffer = arena.allocate(512);
            for (int round = 0; round < 2000; round++) {
                try (var socket =
                        UnixSocket.connect(
                                directory.resolve("toy.sock"),
                                UnixSocket.Kind.STREAM,
                                TIMEOUT_NANOS)) {
                    if (random.nextInt(8) > 0) {
                        send(socket, buffer, VfioUserDescriptor.VERSION, 24, 24);
                    }
                    for (int message = 0; message < 1 + random.nextInt(4); message++) {
                        for (int at = 16; at < 512; at++) {
                            boolean isZero = random.nextInt(3) > 0;
                            byte value = (byte) (isZero ? 0 : random.nextInt(256));
                            buffer.set(ValueLayout.JAVA_BYTE, at, value);
                        }
                        buffer.set(VfioUserDescriptor.U32, 24, random.nextInt(10));
                        buffer.set(VfioUserDescriptor.U32, 28, random.nextInt(64));
                        int length = 16 + random.nextInt(80);
                        int claimed = random.nextInt(10) == 0 ? random.nextInt() : length;
                        send(socket, buffer, random.nextInt(16), claimed, length);
                    }
                } catch (PeerGoneException expected) {
                    // It does not talk to such as us.
                }
            }
            try (var client = client()) {
                client.region(0).putInt(0, 5);
                assertThat(client.region(0).getInt(0)).as("seed %d", seed).isEqualTo(5);
            }
        }
        assertThat(Descriptor.openCount()).as("seed %d", seed).isEqualTo(before);
    }

    private static void send(
            UnixSocket socket, MemorySegment buffer, int command, int claimed, int length) {
        buffer.set(VfioUserDescriptor.U16, 0, (short) 1);
        buffer.set(VfioUserDescriptor.U16, 2, (short) command);
        buffer.set(VfioUserDescriptor.U32, 4, claimed);
        buffer.set(VfioUserDescriptor.U32, 8, 0);
        buffer.set(VfioUserDescriptor.U32, 12, 0);
        if (command == VfioUserDescriptor.VERSION) {
            buffer.asSlice(16, 8).fill((byte) 0);
        }
        socket.send(buffer, 0, length);
    }

    @Test
    void shouldTakeWhatAPeerLeavesOut() {
        assertThat(Capabilities.of(0, 1, ""))
                .isEqualTo(new Capabilities(0, 1, 1, VfioUserDescriptor.MOST_DATA_BYTES, 65535));
        assertThat(Capabilities.of(0, 2, "{\"capabilities\": {\"max_msg_fds\" : 8,\"x\":[1]}}"))
                .isEqualTo(new Capabilities(0, 2, 8, VfioUserDescriptor.MOST_DATA_BYTES, 65535));
        assertThat(Capabilities.of(0, 1, "{\"max_msg_fds\":99999999999,\"max_data_xfer_size\":1}"))
                .isEqualTo(new Capabilities(0, 1, VfioUserDescriptor.MOST_DESCRIPTORS, 8, 65535));
    }
}
