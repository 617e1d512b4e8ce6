package dev.outboard.uio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ResourcesTest {
    private final List<String> closed = new ArrayList<>();
    private final Resources stack = new Resources();

    private AutoCloseable resource(String name) {
        return () -> closed.add(name);
    }

    private AutoCloseable failing(String name, Exception failure) {
        return () -> {
            closed.add(name);
            throw failure;
        };
    }

    @Test
    void shouldCloseTheLastTakenFirstAndOnlyOnce() {
        stack.add(resource("a"));
        stack.add(resource("b"));

        stack.close();
        stack.close();

        assertThat(closed).containsExactly("b", "a");
    }

    @Test
    void shouldCloseEverythingThoughSomeFail() {
        var first = new IllegalStateException("first");
        var second = new IOException("second");
        stack.add(resource("a"));
        stack.add(failing("b", second));
        stack.add(failing("c", first));

        assertThatThrownBy(stack::close).isSameAs(first);
        assertThat(closed).containsExactly("c", "b", "a");
        assertThat(first.getSuppressed()).hasSize(1);
        assertThat(first.getSuppressed()[0]).hasMessageContaining("second").hasCause(second);
    }

    @Test
    void shouldKeepTheCauseBeforeWhatClosingThrows() {
        var cause = new IllegalStateException("cause");
        stack.add(failing("a", new IllegalStateException("closing")));

        stack.closeAfter(cause);

        assertThat(cause.getSuppressed()).hasSize(1);
    }

    @Test
    void shouldNotSuppressAFailureByItself() {
        var cause = new IllegalStateException("cause");
        stack.add(failing("a", cause));

        stack.closeAfter(cause);

        assertThat(cause.getSuppressed()).isEmpty();
    }
}
