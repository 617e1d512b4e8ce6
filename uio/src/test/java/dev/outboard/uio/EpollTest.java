package dev.outboard.uio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class EpollTest {
    private final Epoll epoll = Epoll.create();
    private final Map<Integer, Integer> ready = new HashMap<>();

    @AfterEach
    void close() {
        epoll.close();
    }

    private int look() {
        ready.clear();
        return epoll.await(0, ready::put);
    }

    @Test
    void shouldTellWhichDescriptorsAreReady() {
        try (EventDescriptor first = EventDescriptor.create();
                EventDescriptor second = EventDescriptor.create()) {
            epoll.add(first.descriptor(), Epoll.READABLE, 7);
            epoll.add(second.descriptor(), Epoll.READABLE | Epoll.WRITABLE, -8);
            assertThat(look()).isEqualTo(1);
            assertThat(ready).containsExactly(Map.entry(-8, Epoll.WRITABLE));
            first.signal();
            assertThat(look()).isEqualTo(2);
            assertThat(ready).containsEntry(7, Epoll.READABLE);
        }
    }

    @Test
    void shouldTellNothingOfADescriptorThatWasRemovedOrClosed() {
        try (EventDescriptor first = EventDescriptor.create()) {
            EventDescriptor second = EventDescriptor.create();
            epoll.add(first.descriptor(), Epoll.READABLE, 1);
            epoll.add(second.descriptor(), Epoll.READABLE, 2);
            first.signal();
            second.signal();
            epoll.remove(first.descriptor());
            second.close();
            epoll.remove(second.descriptor());
            assertThat(look()).isZero();
        }
    }

    @Test
    void shouldChangeInterestAndToken() {
        try (EventDescriptor event = EventDescriptor.create()) {
            epoll.add(event.descriptor(), Epoll.WRITABLE, 1);
            epoll.modify(event.descriptor(), Epoll.READABLE, 2);
            assertThat(look()).isZero();
            event.signal();
            assertThat(look()).isEqualTo(1);
            assertThat(ready).containsExactly(Map.entry(2, Epoll.READABLE));
        }
    }

    @Test
    void shouldTellThatThePeerIsGone() {
        UnixSocket[] pair = UnixSocket.pair(UnixSocket.Kind.STREAM);
        try (UnixSocket mine = pair[0]) {
            epoll.add(mine.descriptor(), Epoll.HANG_UP, 3);
            assertThat(look()).isZero();
            pair[1].close();
            assertThat(look()).isEqualTo(1);
            assertThat(ready.get(3) & Epoll.HANG_UP).isNotZero();
        }
    }

    @Test
    void shouldWaitForParentsThatWatchChildren() {
        try (Epoll inner = Epoll.create();
                EventDescriptor event = EventDescriptor.create()) {
            inner.add(event.descriptor(), Epoll.READABLE, 1);
            event.signal();
            assertThat(look()).isZero();
            assertThat(inner.await(-1, ready::put)).isEqualTo(1);
        }
    }

    @Test
    void shouldGiveUpWhenTheTimeIsOver() {
        long start = System.nanoTime();
        assertThat(epoll.await(3_000_000, ready::put)).isZero();
        assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(3_000_000);
    }

    @Test
    void shouldRefuseTheSameDescriptorTwiceAndOneItDoesNotKnow() {
        try (EventDescriptor event = EventDescriptor.create()) {
            assertThatThrownBy(() -> epoll.remove(event.descriptor()))
                    .hasMessageEndingWith("ENOENT");
            epoll.add(event.descriptor(), Epoll.READABLE, 1);
            assertThatThrownBy(() -> epoll.add(event.descriptor(), Epoll.READABLE, 1))
                    .hasMessageEndingWith("EEXIST");
        }
    }
}
