package dev.outboard.uio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class UnixSocketTest {
    private final MemorySegment buffer = Arena.ofAuto().allocate(1 << 16);
    private final List<Descriptor> received = new ArrayList<>();
    private int openBefore;
    private UnixSocket mine;
    private UnixSocket peer;

    @BeforeEach
    void connect() {
        openBefore = Descriptor.openCount();
        pair(UnixSocket.Kind.STREAM);
    }

    private void pair(UnixSocket.Kind kind) {
        UnixSocket[] pair = UnixSocket.pair(kind);
        mine = pair[0];
        peer = pair[1];
    }

    @AfterEach
    void closeAndCount() {
        received.forEach(Descriptor::close);
        mine.close();
        peer.close();
        assertThat(Descriptor.openCount()).isEqualTo(openBefore);
    }

    private static Descriptor[] events(int count) {
        return Stream.generate(() -> EventDescriptor.create().descriptor())
                .limit(count)
                .toArray(Descriptor[]::new);
    }

    private static void close(Descriptor... descriptors) {
        for (Descriptor descriptor : descriptors) {
            descriptor.close();
        }
    }

    @Test
    void shouldPassBytesAndSeveralDescriptorsInOneMessage() {
        Descriptor[] passed = events(3);
        buffer.set(ValueLayout.JAVA_INT, 0, 0x1234);
        assertThat(mine.send(buffer, 0, 12, passed)).isEqualTo(12);
        assertThat(peer.receive(buffer, 100, 64, received, true)).isEqualTo(12);
        assertThat(buffer.get(ValueLayout.JAVA_INT, 100)).isEqualTo(0x1234);
        assertThat(received).hasSize(3);
        EventDescriptor theirs = EventDescriptor.adopt(received.get(2));
        theirs.signal();
        assertThat(EventDescriptor.adopt(passed[2]).drain()).isEqualTo(1);
        close(passed);
    }

    @Test
    void shouldPassAsManyDescriptorsAsItPromises() {
        Descriptor[] passed = events(UnixSocket.MAX_DESCRIPTORS);
        mine.send(buffer, 0, 1, passed);
        close(passed);
        assertThat(peer.receive(buffer, 0, 1, received, true)).isEqualTo(1);
        assertThat(received).hasSize(UnixSocket.MAX_DESCRIPTORS);
    }

    @Test
    void shouldRefuseToSendMoreDescriptorsThanItPromises() {
        Descriptor[] passed = events(UnixSocket.MAX_DESCRIPTORS + 1);
        assertThatThrownBy(() -> mine.send(buffer, 0, 1, passed))
                .isInstanceOf(IllegalArgumentException.class);
        close(passed);
    }

    @Test
    void shouldCloseDescriptorsThatNobodyWanted() {
        Descriptor[] passed = events(2);
        mine.send(buffer, 0, 1, passed);
        close(passed);
        assertThatThrownBy(() -> peer.receive(buffer, 0, 1, null, true))
                .isInstanceOf(MessageTruncatedException.class)
                .hasMessageContaining("2 descriptors where none may come");
    }

    @Test
    void shouldRefuseAPacketThatIsLongerThanAgreedAndCloseWhatCameWithIt() {
        close(mine.descriptor(), peer.descriptor());
        pair(UnixSocket.Kind.SEQPACKET);
        Descriptor[] passed = events(1);
        mine.send(buffer, 0, 100, passed);
        close(passed);
        assertThatThrownBy(() -> peer.receive(buffer, 0, 99, received, true))
                .isInstanceOf(MessageTruncatedException.class);
        assertThat(received).isEmpty();
    }

    @Test
    void shouldKeepPacketsApart() {
        close(mine.descriptor(), peer.descriptor());
        pair(UnixSocket.Kind.SEQPACKET);
        mine.send(buffer, 0, 10);
        mine.send(buffer, 0, 20);
        assertThat(peer.receive(buffer, 0, 1000, received, true)).isEqualTo(10);
        assertThat(peer.receive(buffer, 0, 1000, received, true)).isEqualTo(20);
    }

    @Test
    void shouldSendAllOfALongMessageWhileThePeerReads() throws InterruptedException {
        mine.sendTimeout(10_000_000_000L);
        MemorySegment large = Arena.ofAuto().allocate(4 << 20);
        large.set(ValueLayout.JAVA_BYTE, large.byteSize() - 1, (byte) 9);
        Thread sender = Thread.ofPlatform().start(() -> mine.send(large, 0, large.byteSize()));
        long got = 0;
        int part = 0;
        while (got < large.byteSize()) {
            part = peer.receive(buffer, 0, buffer.byteSize(), received, true);
            assertThat(part).isPositive();
            got += part;
        }
        assertThat(buffer.get(ValueLayout.JAVA_BYTE, part - 1)).isEqualTo((byte) 9);
        sender.join();
    }

    @Test
    void shouldTellThatItWouldHaveToWait() {
        assertThat(peer.receive(buffer, 0, 1, received, false)).isEqualTo(UnixSocket.WOULD_BLOCK);
        int sent;
        do {
            sent = mine.trySend(buffer, 0, buffer.byteSize());
        } while (sent != UnixSocket.WOULD_BLOCK);
        mine.sendTimeout(1_000_000);
        assertThatThrownBy(() -> mine.send(buffer, 0, 1)).isInstanceOf(PeerTimeoutException.class);
    }

    @Test
    void shouldGiveUpReceivingWhenTheTimeIsOver() {
        peer.receiveTimeout(2_000_000);
        long start = System.nanoTime();
        assertThat(peer.receive(buffer, 0, 1, received, true)).isEqualTo(UnixSocket.WOULD_BLOCK);
        assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(1_900_000);
    }

    @Test
    void shouldSeeThatThePeerIsGone() {
        assertThat(mine.isPeerGone()).isFalse();
        peer.send(buffer, 0, 5);
        peer.close();
        assertThat(mine.isPeerGone()).isTrue();
        assertThat(mine.receive(buffer, 0, 64, received, true)).isEqualTo(5);
        assertThat(mine.receive(buffer, 0, 64, received, true)).isEqualTo(UnixSocket.END_OF_STREAM);
        assertThatThrownBy(() -> mine.send(buffer, 0, 5)).isInstanceOf(PeerGoneException.class);
    }

    @Test
    void shouldTakeAResetForTheEnd() {
        mine.send(buffer, 0, 5);
        peer.close();
        assertThat(mine.receive(buffer, 0, 64, received, true)).isEqualTo(UnixSocket.END_OF_STREAM);
    }

    @Test
    void shouldTellWhoIsThere() {
        assertThat(mine.peer().pid()).isEqualTo((int) ProcessHandle.current().pid());
    }

    @Test
    void shouldRefuseMemoryThatIsNotNativeOrNotEnough() {
        MemorySegment heap = MemorySegment.ofArray(new byte[8]);
        assertThatThrownBy(() -> mine.send(heap, 0, 8))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> mine.send(buffer, 0, 0))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> mine.send(buffer, 1, buffer.byteSize()))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> peer.receive(buffer, -1, 1, received, false))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void shouldCloseDescriptorsOnTheWayWhenNobodyReceivesThem() {
        Descriptor[] passed = events(4);
        mine.send(buffer, 0, 1, passed);
        close(passed);
        peer.close();
    }
}
