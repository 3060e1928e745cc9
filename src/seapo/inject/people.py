"""Well-known people by trade and time, so that one can be taken for a colleague. Written for this project."""

import re
from functools import cache

from seapo.lexicon import words

_PEOPLE = {
    "physicist before 1900": (
        "Isaac Newton, Galileo Galilei, Johannes Kepler, Michael Faraday, James Clerk Maxwell, Blaise Pascal, "
        "Robert Boyle, Christiaan Huygens, Robert Hooke, William Thomson, Alessandro Volta"
    ),
    "physicist after 1900": (
        "Albert Einstein, Niels Bohr, Max Planck, Werner Heisenberg, Erwin Schrödinger, Paul Dirac, Richard "
        "Feynman, Enrico Fermi, Ernest Rutherford, Stephen Hawking, Robert Oppenheimer, Wolfgang Pauli"
    ),
    "chemist": (
        "Marie Curie, Antoine Lavoisier, Dmitri Mendeleev, John Dalton, Linus Pauling, Humphry Davy, Alfred Nobel"
    ),
    "biologist": (
        "Charles Darwin, Gregor Mendel, Louis Pasteur, Alfred Russel Wallace, Carl Linnaeus, Alexander Fleming"
    ),
    "geneticist": "James Watson, Francis Crick, Rosalind Franklin, Barbara McClintock, Maurice Wilkins",
    "mathematician": (
        "Leonhard Euler, Carl Friedrich Gauss, Pierre de Fermat, Bernhard Riemann, David Hilbert, Henri Poincaré, "
        "Gottfried Leibniz, Joseph Fourier, Emmy Noether, Georg Cantor"
    ),
    "astronomer": "Nicolaus Copernicus, Tycho Brahe, Edwin Hubble, William Herschel, Edmond Halley, Carl Sagan",
    "computing": (
        "Alan Turing, John von Neumann, Ada Lovelace, Charles Babbage, Grace Hopper, Claude Shannon, Donald Knuth"
    ),
    "language designer": (
        "Guido van Rossum, Dennis Ritchie, Bjarne Stroustrup, James Gosling, Brendan Eich, Larry Wall"
    ),
    "founder": "Bill Gates, Steve Jobs, Jeff Bezos, Mark Zuckerberg, Larry Page, Elon Musk, Jack Dorsey, Tim Cook",
    "inventor": (
        "Thomas Edison, Nikola Tesla, Alexander Graham Bell, James Watt, Guglielmo Marconi, Samuel Morse, Eli "
        "Whitney"
    ),
    "ancient philosopher": "Plato, Aristotle, Socrates, Epicurus, Pythagoras, Heraclitus, Seneca, Marcus Aurelius",
    "philosopher": (
        "Immanuel Kant, David Hume, John Locke, René Descartes, Friedrich Nietzsche, Jean-Jacques Rousseau, Thomas "
        "Hobbes, Baruch Spinoza, John Stuart Mill, Voltaire"
    ),
    "psychologist": "Sigmund Freud, Carl Jung, Ivan Pavlov, Abraham Maslow, Jean Piaget, William James, Alfred Adler",
    "economist": "Adam Smith, John Maynard Keynes, Milton Friedman, Karl Marx, David Ricardo, Friedrich Hayek",
    "painter": (
        "Leonardo da Vinci, Michelangelo, Raphael, Rembrandt, Vincent van Gogh, Claude Monet, Pablo Picasso, "
        "Salvador Dalí, Paul Cézanne, Henri Matisse, Edgar Degas, Johannes Vermeer"
    ),
    "composer": (
        "Johann Sebastian Bach, Wolfgang Amadeus Mozart, Ludwig van Beethoven, Joseph Haydn, Franz Schubert, "
        "Frédéric Chopin, Johannes Brahms, Richard Wagner, Antonio Vivaldi, Giuseppe Verdi, George Frideric Handel"
    ),
    "English writer": (
        "William Shakespeare, Charles Dickens, Jane Austen, Charlotte Brontë, Oscar Wilde, Thomas Hardy, George "
        "Orwell, Virginia Woolf, Geoffrey Chaucer, Christopher Marlowe, John Milton, Mary Shelley, Bram Stoker"
    ),
    "American writer": (
        "Mark Twain, Ernest Hemingway, F. Scott Fitzgerald, John Steinbeck, William Faulkner, Herman Melville, "
        "Harper Lee, Edgar Allan Poe, Nathaniel Hawthorne, Walt Whitman, Emily Dickinson"
    ),
    "European writer": (
        "Leo Tolstoy, Fyodor Dostoevsky, Anton Chekhov, Victor Hugo, Gustave Flaubert, Franz Kafka, Marcel Proust, "
        "Émile Zola, Johann Wolfgang von Goethe, Miguel de Cervantes, Dante Alighieri"
    ),
    "fantasy writer": (
        "J. R. R. Tolkien, J.R.R. Tolkien, C. S. Lewis, J.K. Rowling, George R. R. Martin, Terry Pratchett, Stephen "
        "King"
    ),
    "American president before 1900": (
        "George Washington, Thomas Jefferson, John Adams, James Madison, Andrew Jackson, Abraham Lincoln, Ulysses "
        "S. Grant"
    ),
    "American president after 1900": (
        "Theodore Roosevelt, Woodrow Wilson, Franklin D. Roosevelt, Harry Truman, Dwight Eisenhower, John F. "
        "Kennedy, Lyndon B. Johnson, Richard Nixon, Jimmy Carter, Ronald Reagan, Bill Clinton, George W. Bush, "
        "Barack Obama, Donald Trump"
    ),
    "British prime minister": (
        "Winston Churchill, Margaret Thatcher, Tony Blair, Clement Attlee, Neville Chamberlain, Boris Johnson"
    ),
    "ruler": (
        "Julius Caesar, Augustus, Alexander the Great, Napoleon Bonaparte, Genghis Khan, Charlemagne, Cleopatra, "
        "Nero"
    ),
    "dictator": "Adolf Hitler, Joseph Stalin, Benito Mussolini, Francisco Franco, Mao Zedong, Vladimir Lenin",
    "leader of a movement": (
        "Mahatma Gandhi, Nelson Mandela, Martin Luther King Jr., Malcolm X, Rosa Parks, Desmond Tutu"
    ),
    "explorer": (
        "Christopher Columbus, Ferdinand Magellan, Vasco da Gama, James Cook, Marco Polo, Amerigo Vespucci, Roald "
        "Amundsen"
    ),
    "space": (
        "Neil Armstrong, Buzz Aldrin, Yuri Gagarin, John Glenn, Valentina Tereshkova, Michael Collins, Sally Ride"
    ),
    "film director": (
        "Steven Spielberg, Alfred Hitchcock, Martin Scorsese, Stanley Kubrick, Quentin Tarantino, Christopher "
        "Nolan, James Cameron, Francis Ford Coppola, Ridley Scott"
    ),
    "actor": (
        "Tom Hanks, Brad Pitt, Leonardo DiCaprio, Robert De Niro, Al Pacino, Morgan Freeman, Johnny Depp, Denzel "
        "Washington"
    ),
    "actress": (
        "Meryl Streep, Julia Roberts, Scarlett Johansson, Nicole Kidman, Audrey Hepburn, Marilyn Monroe, Emma "
        "Watson"
    ),
    "singer": (
        "Michael Jackson, Elvis Presley, Bob Dylan, David Bowie, Freddie Mercury, Madonna, Taylor Swift, Beyoncé, "
        "Adele, Whitney Houston, Frank Sinatra, Elton John"
    ),
    "footballer": "Lionel Messi, Cristiano Ronaldo, Diego Maradona, Pelé, Zinedine Zidane, Ronaldinho, Neymar",
    "basketball player": "Michael Jordan, LeBron James, Kobe Bryant, Magic Johnson, Larry Bird, Stephen Curry",
    "tennis player": "Roger Federer, Rafael Nadal, Novak Djokovic, Serena Williams, Andre Agassi, Pete Sampras",
}  # fmt: skip
_SURNAMES = frozenset(
    words("""
        Newton Galileo Kepler Faraday Maxwell Einstein Bohr Planck Heisenberg Schrödinger Feynman Fermi Curie
        Lavoisier Darwin Mendel Pasteur Euler Gauss Fermat Copernicus Turing Edison Kant Hume Descartes
        Nietzsche Rousseau Freud Jung Keynes Marx Monet Picasso Bach Mozart Beethoven Chopin Vivaldi
        Shakespeare Dickens Austen Orwell Hemingway Fitzgerald Steinbeck Tolstoy Dostoevsky Kafka Tolkien
        Churchill Gandhi Hitler Stalin Napoleon Watt Mendeleev
    """)
)
"""Surnames that stand for their bearer alone."""


def known_people(text: str) -> tuple[str, ...]:
    """The well-known people that a text names, by their full name or, where that is clear, by surname."""
    found = [match[0] for match in _pattern().finditer(text)]
    return tuple(dict.fromkeys(found))


def colleagues(name: str) -> tuple[str, ...]:
    """Others of the same trade and time, by full name or surname as the name is; empty for others."""
    trade = _trades().get(name)
    if trade is None:
        return ()
    if name in _SURNAMES:
        others = [other.split()[-1] for other in _names(trade)]
        return tuple(other for other in others if other in _SURNAMES and other != name)
    return tuple(other for other in _names(trade) if other.split()[-1] != name.split()[-1])


def _names(trade: str) -> list[str]:
    return _PEOPLE[trade].split(", ")


@cache
def _trades() -> dict[str, str]:
    table = {name: trade for trade in _PEOPLE for name in _names(trade)}
    surnames = {name.split()[-1]: trade for name, trade in table.items() if name.split()[-1] in _SURNAMES}
    return {**surnames, **table}


@cache
def _pattern() -> re.Pattern[str]:
    names = sorted(_trades(), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?![\w-])")
