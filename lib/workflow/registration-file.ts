/** What the construct puts beside the registration's handler: the checked keyturn.yaml as JSON. */

export const registrationFile = 'registration.json';
